import Base
import Glibc
import Pipelines
import Testing

/// What DVC made of the same files; `Fixtures/make_language.py` asked it.
private struct Fixture: Sendable {
    let root: JSON

    init() {
        let folder = #filePath.split(separator: "/").dropLast().joined(separator: "/")
        let bytes = (try? Files.read("/\(folder)/Fixtures/language.json")) ?? []
        root = (try? JSON(parsing: bytes)) ?? .null
    }

    func cases(_ key: String) -> [JSON] { root[key]?.arrayValue ?? [] }
}

private let fixture = Fixture()

struct DVCLanguageTests {
    /// Where we differ on purpose: an empty `cmd` is refused; an empty `stages`, a stage called `1`, a list of ways to
    /// draw one plot, and `frozen: ${flag}` are read.
    static let differences = ["cmd empty", "stages empty", "number as name", "plots list", "native"]

    @Test func `The fixtures are there`() {
        #expect(fixture.cases("pipelines").count > 60 && fixture.cases("values").count == 5)
    }

    @Test("Stages come out as in DVC", arguments: fixture.cases("pipelines"))
    func stages(_ expected: JSON) throws {
        let title = expected["title"]?.stringValue ?? ""
        let text = expected["text"]?.stringValue ?? ""
        if DVCLanguageTests.differences.contains(title) { return }
        func read(_ path: String) -> [UInt8]? {
            if path == "sub/params.yaml" { return Array("k: 1\n".utf8) }
            return fixture.root["files"]?[path]?.stringValue.map { Array($0.utf8) }
        }
        do {
            let file = try PipelineFile(parsing: Array(text.utf8), path: "dvc.yaml", read: read)
            _ = try StageGraph(file.stages)
            let wanted = try #require(expected["stages"], "\(title): DVC says \(expected["error"] ?? "")")
            #expect(JSON.array(file.stages.map(describe)) == wanted, "\(title)")
        } catch let error as MLError {
            #expect(expected["stages"] == nil, "\(title): \(error)")
        }
    }

    @Test("Values come out as in DVC", arguments: fixture.cases("values"))
    func values(_ expected: JSON) throws {
        let name = expected["name"]?.stringValue ?? ""
        let found = try Params.load(Array((expected["text"]?.stringValue ?? "").utf8), name: name)
        let text = spelled(found).compact(sortedKeys: true)
        #expect(text == expected["value"]?.compact(sortedKeys: true), "\(name): \(text)")
    }

    @Test("What DVC cannot read is refused with its place", arguments: fixture.cases("refused"))
    func refused(_ expected: JSON) {
        let name = expected["name"]?.stringValue ?? ""
        let text = message { _ = try Params.load(Array((expected["text"]?.stringValue ?? "").utf8), name: name) } ?? ""
        #expect(text.hasPrefix(name), "\(expected["text"] ?? ""): \(text)")
        #expect(text.contains(":1:") || text.contains(":2:") || text.contains("line"), "\(text)")
    }

    /// The fixture is JSON, which has no infinity.
    private func spelled(_ value: JSON) -> JSON {
        guard case .object(let object) = value else { return value == .number(.infinity) ? "inf" : value }
        return .object(JSONObject(object.pairs.map { ($0.key, spelled($0.value)) }))
    }

    private func describe(_ stage: Stage) -> JSON {
        func sorted(_ texts: [String]) -> JSON {
            .array(texts.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }.map { .string($0) })
        }
        let params = stage.params.sorted { $0.file < $1.file }
            .map { JSON.array([.string($0.file), sorted($0.keys ?? [])]) }
        let outs = stage.outputs.sorted { $0.path < $1.path }.map { output -> JSON in
            [
                "cache": .bool(output.isCached), "kind": .string(output.kind.rawValue), "path": .string(output.path),
                "persist": .bool(output.isPersistent), "push": .bool(output.isPushed),
            ]
        }
        return [
            "always_changed": .bool(stage.isAlwaysChanged), "cmd": JSON(stage.commands),
            "deps": sorted(stage.dependencies), "frozen": .bool(stage.isFrozen), "name": .string(stage.name),
            "outs": .array(outs), "params": .array(params), "wdir": .string(stage.directory),
        ]
    }
}
