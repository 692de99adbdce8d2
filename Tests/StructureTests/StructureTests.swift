import Base
import DataKit
import TestSupport
import Testing

@Suite struct StructureTests {
    /// The modules in their order: each depends only on ones that stand before it.
    static let order = [
        "CPlatform", "CVector", "CGit2", "CCurl", "CArchive", "CZstd", "CBLAS", "Base", "GitKit", "ObjectStore",
        "DataFilter",
        "Remotes",
        "Archives", "Packaging", "DataKit", "DataDiff", "DVCImport", "Migration", "Pipelines", "Records", "RunKit",
        "Tensors",
        "TextModels", "Ensembles", "Explainers",
        "ModelKit", "Serving", "HTTPServing", "Reports", "CommandKit", "DataCommands", "RunCommands", "ExplainCommands",
        "git-mldata-filter",
        "git-mldata", "git-mlrun", "git-mlexplain", "store-rates",
    ]
    /// Who may use what stands outside: one module each.
    static let owners: [String: Set<String>] = [
        "CGit2": ["GitKit"], "CCurl": ["Remotes"], "CArchive": ["Archives"], "CZstd": ["ObjectStore"],
        "CBLAS": ["Tensors"], "CVector": ["TextModels", "Explainers"],
        "NIOCore": ["HTTPServing"], "NIOPosix": ["HTTPServing"],
        "NIOHTTP1": ["HTTPServing"],
        "NIOHPACK": ["HTTPServing"], "NIOHTTP2": ["HTTPServing"], "NIOSSL": ["HTTPServing"],
        "Yams": ["DVCImport", "Pipelines"], "Crypto": ["Base"],
        "ArgumentParser": ["CommandKit", "DataCommands", "RunCommands", "ExplainCommands"],
        // The filter is what git starts: neither libgit2 nor the network, or every `git status` would pay for them.
        "DataFilter": ["git-mldata-filter"],
    ]
    /// The whole graph; a new edge is a decision, so it is written down here first.
    static let edges: [String: Set<String>] = [
        "CCurl": ["CPlatform"], "CArchive": ["CPlatform"], "CBLAS": ["CPlatform"],
        "Base": ["CPlatform", "Crypto"], "GitKit": ["Base", "CGit2"], "ObjectStore": ["Base", "CPlatform", "CZstd"],
        "DataFilter": ["Base", "ObjectStore"], "Remotes": ["Base", "GitKit", "ObjectStore", "CCurl"],
        "Archives": ["Base", "CArchive"], "Packaging": ["Base", "Archives"],
        "DataKit": ["Base", "GitKit", "ObjectStore", "Remotes"],
        "DataDiff": ["Base"], "DVCImport": ["Base", "Yams"],
        "Migration": ["Base", "GitKit", "ObjectStore", "DataKit", "DVCImport"],
        "Pipelines": ["Base", "CPlatform", "Yams"], "Records": ["Base", "Pipelines"],
        "RunKit": ["Base", "GitKit", "ObjectStore", "DataKit", "DVCImport", "Pipelines", "Records"],
        "Tensors": ["Base", "CBLAS"],
        "TextModels": ["Base", "CVector", "Tensors"], "Ensembles": ["Base", "TextModels"],
        "Explainers": ["Base", "CVector"],
        "ModelKit": ["Base", "GitKit", "Remotes", "DataKit", "TextModels", "Ensembles"], "Reports": ["Base"],
        "Serving": ["Base", "CPlatform"],
        "HTTPServing": ["Base", "Serving", "NIOCore", "NIOPosix", "NIOHTTP1", "NIOHPACK", "NIOHTTP2", "NIOSSL"],
        "CommandKit": ["Base", "Reports", "ArgumentParser"],
        "DataCommands": [
            "Base", "GitKit", "ObjectStore", "Remotes", "Archives", "DataKit", "DataDiff", "Migration", "Reports",
            "CommandKit",
            "ArgumentParser",
        ],
        "RunCommands": [
            "Base", "GitKit", "DataKit", "Pipelines", "Records", "RunKit", "Tensors", "TextModels", "Ensembles",
            "Explainers", "ModelKit", "Serving", "HTTPServing", "Reports", "CommandKit", "Archives", "Packaging",
            "Remotes", "ArgumentParser",
        ],
        "ExplainCommands": [
            "Base", "DataKit", "ModelKit", "TextModels", "Explainers", "Reports", "CommandKit", "ArgumentParser",
        ],
        "git-mldata-filter": ["Base", "DataFilter"], "git-mldata": ["CommandKit", "DataCommands"],
        "git-mlrun": ["CommandKit", "RunCommands"], "git-mlexplain": ["CommandKit", "ExplainCommands"],
        "store-rates": ["Base", "ObjectStore"],
    ]

    static func manifest() throws -> [(name: String, dependencies: [String])] {
        // A scratch folder of its own: the one in use is locked by the running test.
        let dump = try Subprocess(
            ["swift", "package", "--scratch-path", "/tmp/git-ml-structure", "dump-package"], directory: Sandbox.package
        ).check()
        let targets = try JSON(parsing: dump.output)["targets"]?.arrayValue ?? []
        return targets.filter { $0["type"]?.stringValue != "test" && $0["name"]?.stringValue != "TestSupport" }.map {
            target in
            let names = (target["dependencies"]?.arrayValue ?? []).compactMap { dependency in
                (dependency["byName"] ?? dependency["target"] ?? dependency["product"])?.arrayValue?.first?.stringValue
            }
            return (target["name"]?.stringValue ?? "", names)
        }
    }

    @Test func `modules depend one way and only as written down`() throws {
        let targets = try StructureTests.manifest()
        #expect(Set(targets.map(\.name)) == Set(StructureTests.order))
        for (name, dependencies) in targets {
            #expect(Set(dependencies) == StructureTests.edges[name] ?? [], "\(name)")
            let place = StructureTests.order.firstIndex(of: name) ?? -1
            for dependency in dependencies {
                if let other = StructureTests.order.firstIndex(of: dependency) {
                    #expect(other < place, "\(name) depends on \(dependency), which stands after it")
                }
                if let owners = StructureTests.owners[dependency] {
                    #expect(owners.contains(name), "\(name) uses \(dependency)")
                }
            }
        }
    }

    @Test func `sources import only what their module depends on`() throws {
        let system: Set<String> = ["Glibc", "Dispatch", "Synchronization"]
        for (name, dependencies) in try StructureTests.manifest() where !name.hasPrefix("C") || name == "CommandKit" {
            let allowed = Set(dependencies).union(system)
            for file in try swiftFiles("\(Sandbox.package)/Sources/\(name)") {
                for line in try Files.readText(file).split(separator: "\n") where line.hasPrefix("import ") {
                    let module = String(line.dropFirst("import ".count))
                    #expect(allowed.contains(module), "\(file) imports \(module)")
                }
            }
        }
    }

    @Test func `the hooks folder holds what install writes`() throws {
        for name in HookScript.names {
            #expect(try Files.readText("\(Sandbox.package)/hooks/\(name)") == HookScript.text(name))
        }
        #expect(try Files.list("\(Sandbox.package)/hooks") == HookScript.names.sorted())
    }

    private func swiftFiles(_ folder: String) throws -> [String] {
        try Files.list(folder).flatMap { name -> [String] in
            let path = folder + "/" + name
            if Files.isDirectory(path) { return try swiftFiles(path) }
            return name.hasSuffix(".swift") ? [path] : []
        }
    }
}
