// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [.swiftLanguageMode(.v6), .enableUpcomingFeature("ExistentialAny")]
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")
let nio: [Target.Dependency] = [
    .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
    .product(name: "NIOHTTP1", package: "swift-nio"), .product(name: "NIOHTTP2", package: "swift-nio-http2"),
    .product(name: "NIOHPACK", package: "swift-nio-http2"),
    .product(name: "NIOSSL", package: "swift-nio-ssl"),
]
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")

/// A module of `Sources/NAME`.
func library(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: settings)
}

/// A program: an entry point over one module of commands.
func program(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .executableTarget(name: name, dependencies: dependencies, swiftSettings: settings)
}

/// The tests of one module, in `Tests/NAMETests`.
func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(
        name: name + "Tests", dependencies: dependencies,
        exclude: ["Explainers", "Pipelines"].contains(name) ? ["Fixtures"] : [],
        swiftSettings: settings)
}

let package = Package(
    name: "git-ml",
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-nio-http2", from: "1.46.0"),
    ],
    targets: [
        .target(name: "CPlatform"),
        // Loops that pay for the widest vectors of the processor.
        .target(name: "CVector"),
        .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
        .target(name: "CGit2", linkerSettings: [.linkedLibrary("git2")]),
        // Loaded when they are first called (CForward.h), so only their headers are needed here.
        .target(name: "CCurl", dependencies: ["CPlatform"]),
        .target(name: "CArchive", dependencies: ["CPlatform"]),
        .target(name: "CBLAS", dependencies: ["CPlatform"]),
        // Dependencies point upward in this list only; Tests/StructureTests holds the graph.
        library("Base", ["CPlatform", crypto]),
        library("GitKit", ["Base", "CGit2"]),
        library("ObjectStore", ["Base", "CPlatform", "CZstd"]),
        library("DataFilter", ["Base", "ObjectStore"]),
        library("Remotes", ["Base", "GitKit", "ObjectStore", "CCurl"]),
        library("Archives", ["Base", "CArchive"]),
        library("Packaging", ["Base", "Archives"]),
        library("DataKit", ["Base", "GitKit", "ObjectStore", "Remotes"]),
        library("DVCImport", ["Base", yams]),
        library("Migration", ["Base", "GitKit", "ObjectStore", "DataKit", "DVCImport"]),
        library("Pipelines", ["Base", "CPlatform", yams]),
        library("Records", ["Base", "Pipelines"]),
        library("RunKit", ["Base", "GitKit", "ObjectStore", "DataKit", "DVCImport", "Pipelines", "Records"]),
        library("Tensors", ["Base", "CBLAS"]),
        library("TextModels", ["Base", "CVector", "Tensors"]),
        library("Ensembles", ["Base", "TextModels"]),
        library("DataDiff", ["Base"]),
        library("Serving", ["Base", "CPlatform"]),
        library("HTTPServing", ["Base", "Serving"] + nio),
        library("Reports", ["Base"]),
        library("CommandKit", ["Base", "Reports", arguments]),
        library(
            "DataCommands",
            [
                "Base", "GitKit", "ObjectStore", "Remotes", "Archives", "DataKit", "DataDiff", "Migration", "Reports",
                "CommandKit", arguments,
            ]),
        library("Explainers", ["Base", "CVector"]),
        library("ModelKit", ["Base", "GitKit", "Remotes", "DataKit", "TextModels", "Ensembles"]),
        library(
            "ExplainCommands",
            ["Base", "DataKit", "ModelKit", "TextModels", "Explainers", "Reports", "CommandKit", arguments]),
        library(
            "RunCommands",
            [
                "Base", "GitKit", "DataKit", "Pipelines", "Records", "RunKit", "Tensors", "TextModels", "Ensembles",
                "Explainers", "ModelKit", "Serving", "HTTPServing", "Reports", "CommandKit", "Archives", "Packaging",
                "Remotes", arguments,
            ]),
        program("git-mldata-filter", ["Base", "DataFilter"]),
        program("git-mldata", ["CommandKit", "DataCommands"]),
        program("git-mlrun", ["CommandKit", "RunCommands"]),
        program("git-mlexplain", ["CommandKit", "ExplainCommands"]),
        .executableTarget(
            name: "store-rates", dependencies: ["Base", "ObjectStore"], path: "Benchmarks/Rates",
            swiftSettings: settings),
        .target(name: "TestSupport", dependencies: ["Base"], path: "Tests/TestSupport", swiftSettings: settings),
        tests("Base", ["Base"]),
        tests("GitKit", ["Base", "GitKit", "TestSupport"]),
        tests("ObjectStore", ["Base", "ObjectStore"]),
        tests("DataFilter", ["Base", "ObjectStore", "DataFilter", "TestSupport"]),
        tests("DataDiff", ["Base", "DataDiff"]),
        tests("Pipelines", ["Base", "Pipelines"]),
        tests("Records", ["Base", "Pipelines", "Records"]),
        tests("Remotes", ["Base", "GitKit", "ObjectStore", "Remotes", "TestSupport"]),
        tests("Tensors", ["Base", "Tensors"]),
        tests("TextModels", ["Base", "Tensors", "TextModels"]),
        tests("Ensembles", ["Base", "TextModels", "Ensembles"]),
        tests("Explainers", ["Base", "TextModels", "Ensembles", "Explainers"]),
        tests("Reports", ["Base", "Reports"]),
        tests("Serving", ["Base", "Serving"]),
        tests("Command", ["Base", "TestSupport"]),
        tests("Structure", ["Base", "DataKit", "TestSupport"]),
    ]
)
