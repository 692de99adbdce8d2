// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [.swiftLanguageMode(.v6), .enableUpcomingFeature("ExistentialAny")]
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")
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
        name: name + "Tests", dependencies: dependencies, exclude: name == "Explainers" ? ["Fixtures"] : [],
        swiftSettings: settings)
}

/// A C library that Debian installs.
func system(_ name: String, _ pkgConfig: String, _ debian: String) -> Target {
    .systemLibrary(name: name, pkgConfig: pkgConfig, providers: [.apt([debian])])
}

let package = Package(
    name: "git-ml",
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    ],
    targets: [
        // C: a header and inline shims each.
        .target(name: "CSystem"),
        system("CGit2", "libgit2", "libgit2-dev"),
        system("CCurl", "libcurl", "libcurl4-openssl-dev"),
        system("CArchive", "libarchive", "libarchive-dev"),
        system("CZstd", "libzstd", "libzstd-dev"),
        system("CBLAS", "openblas", "libopenblas-dev"),
        // Dependencies point upward in this list only; Tests/StructureTests holds the graph.
        library("Base", ["CSystem", crypto]),
        library("GitKit", ["Base", "CGit2"]),
        library("ObjectStore", ["Base", "CSystem", "CZstd"]),
        library("DataFilter", ["Base", "ObjectStore"]),
        library("Remotes", ["Base", "GitKit", "ObjectStore", "CCurl"]),
        library("Archives", ["Base", "CArchive"]),
        library("DataKit", ["Base", "GitKit", "ObjectStore", "Remotes"]),
        library("DVCImport", ["Base", yams]),
        library("Migration", ["Base", "GitKit", "ObjectStore", "DataKit", "DVCImport"]),
        library("Pipelines", ["Base", "CSystem", yams]),
        library("Records", ["Base", "Pipelines"]),
        library("RunKit", ["Base", "GitKit", "ObjectStore", "DataKit", "Pipelines", "Records"]),
        library("Tensors", ["Base", "CBLAS"]),
        library("TextModels", ["Base", "Tensors"]),
        library("Ensembles", ["Base", "TextModels"]),
        library("DataDiff", ["Base"]),
        library("Reports", ["Base"]),
        library("CommandKit", ["Base", "Reports", arguments]),
        library(
            "DataCommands",
            [
                "Base", "GitKit", "ObjectStore", "Remotes", "Archives", "DataKit", "DataDiff", "Migration", "Reports",
                "CommandKit", arguments,
            ]),
        library("Explainers", ["Base"]),
        library("ModelKit", ["Base", "GitKit", "DataKit", "TextModels", "Ensembles"]),
        library(
            "ExplainCommands",
            ["Base", "DataKit", "ModelKit", "TextModels", "Explainers", "Reports", "CommandKit", arguments]),
        library(
            "RunCommands",
            [
                "Base", "GitKit", "DataKit", "Pipelines", "Records", "RunKit", "TextModels", "Ensembles", "ModelKit",
                "Reports", "CommandKit", arguments,
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
        tests("Ensembles", ["Base", "Ensembles"]),
        tests("Explainers", ["Base", "Explainers"]),
        tests("Reports", ["Base", "Reports"]),
        tests("Command", ["Base", "TestSupport"]),
        tests("Structure", ["Base", "DataKit", "TestSupport"]),
    ]
)
