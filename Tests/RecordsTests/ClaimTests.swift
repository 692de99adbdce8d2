import Base
import Pipelines
import Records
import Testing

struct ClaimTests {
    static let stage = Stage(
        name: "eval", commands: ["x"], dependencies: ["model"],
        params: [ParamSelection(file: "params.yaml", keys: ["lr"])],
        outputs: [Output(path: "m.json", kind: .metric), Output(path: "plot.csv", kind: .plot)])
    static let tree = MemoryTree(files: ["model": "M", "params.yaml": "lr: 1\n", "m.json": "{}", "plot.csv": "1"])

    private func record(
        _ tree: MemoryTree, stage: Stage = stage, seconds: Int64 = 1, environment: [String: String] = [:]
    ) throws
        -> RunRecord
    {
        let inputs = try StageInputs(of: stage, content: tree, params: ParamReader(content: tree)) { environment[$0] }
        let key = try #require(StageKey.of(stage, inputs))
        return RunRecord(
            time: Timestamp(seconds: seconds), stage: stage.name, key: key, commands: stage.commands,
            dependencies: inputs.dependencies.map { .init(path: $0.path, id: $0.id ?? .zero) }, params: inputs.params,
            outputs: stage.outputs.map { .init(path: $0.path, id: tree.id(of: $0.path) ?? .zero) },
            environment: inputs.environment)
    }

    private func claimed(_ tree: MemoryTree, _ records: [RunRecord], stage: Stage = stage) throws -> Int64? {
        try Claims.find([stage], content: tree, index: MemoryIndex(all: records)).first?.record.time.seconds
    }

    @Test func `A tree with the same inputs and outputs is claimed, by the newest record`() throws {
        let records = [try record(ClaimTests.tree), try record(ClaimTests.tree, seconds: 7)]
        #expect(try claimed(ClaimTests.tree, records) == 7)
        #expect(try claimed(ClaimTests.tree, []) == nil)
    }

    @Test("Anything that differs means no claim", arguments: ["model", "params.yaml", "m.json", "plot.csv"])
    func differences(_ path: String) throws {
        let records = [try record(ClaimTests.tree)]
        var tree = ClaimTests.tree
        tree.files[path] = path == "params.yaml" ? "lr: 2\n" : "edited"
        #expect(try claimed(tree, records) == nil)
        if path == "params.yaml" {
            tree.files[path] = nil
            #expect(try claimed(tree, records) == nil)
        }
    }

    @Test func `An output that was not committed is passed over while another is there`() throws {
        let records = [try record(ClaimTests.tree)]
        var tree = ClaimTests.tree
        tree.files["plot.csv"] = nil
        #expect(try claimed(tree, records) == 1)
        tree.files["m.json"] = nil
        #expect(try claimed(tree, records) == nil)
    }

    @Test func `A dependency that was not committed is taken from the record`() throws {
        let records = [try record(ClaimTests.tree)]
        var tree = ClaimTests.tree
        tree.files["model"] = nil
        #expect(try claimed(tree, records) == 1)
        tree.files["params.yaml"] = "lr: 2\n"
        #expect(try claimed(tree, records) == nil)
    }

    @Test func `Declared variables are those of the run`() throws {
        var stage = ClaimTests.stage
        stage.settings.environment = ["SEED"]
        let records = [try record(ClaimTests.tree, stage: stage, environment: ["SEED": "5"])]
        #expect(try claimed(ClaimTests.tree, records, stage: stage) == 1)
        stage.settings.environment = ["OTHER"]
        #expect(try claimed(ClaimTests.tree, records, stage: stage) == nil)
    }
}
