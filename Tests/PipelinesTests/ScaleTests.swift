import Base
import Glibc
import Pipelines
import Testing

struct ScaleTests {
    @Test func `A chain of a thousand stages is planned from records alone`() throws {
        let count = 1000
        var text = "stages:\n"
        for index in 0..<count {
            text +=
                "  s\(index):\n    cmd: cp f\(index) f\(index + 1)\n    deps:\n    - f\(index)\n    params:\n    - lr\n"
                + "    outs:\n    - f\(index + 1)\n"
        }
        let bench = try Bench(text, files: ["f0": "x", "params.yaml": "lr: 1\n"])
        for index in 1...count { try bench.tree.write("f\(index)", "x") }
        let id = ObjectID.of("x")
        for stage in try bench.project().stages {
            let inputs = try StageInputs(
                of: stage, content: bench.content, params: ParamReader(content: bench.content)
            ) { _ in nil }
            let key = try #require(StageKey.of(stage, inputs))
            bench.records.append(
                RunRecord(
                    time: Timestamp(seconds: 0), stage: stage.name, key: key, commands: stage.commands,
                    outputs: stage.outputs.map { .init(path: $0.path, id: id) }))
        }
        usleep(150_000)
        let cachePath = bench.tree.root + "/stat"
        // The second round has every id from the cache.
        for _ in 0..<2 {
            let cache = StatCache(path: cachePath)
            let content = WorkTreeContent(root: bench.tree.root, cache: cache)
            let project = try Project(paths: ["dvc.yaml"], content: content)
            let plans = try Planner(lookup: IndexedRecords(bench.records.all)).plan(
                project.graph, order: try ReproOptions().order(in: project.graph), content: content)
            cache.save()
            #expect(plans.count == count)
            #expect(plans.allSatisfy { if case .unchanged = $0.state { true } else { false } })
        }
    }
}

/// Records by key, as a real index has them.
private struct IndexedRecords: RecordLookup {
    let byKey: [ObjectID: [RunRecord]]
    init(_ records: [RunRecord]) { byKey = Dictionary(grouping: records, by: \.key) }
    func records(forKey key: ObjectID) -> [RunRecord] { byKey[key] ?? [] }
    func latestRecord(stage address: String) -> RunRecord? { nil }
    func has(_ id: ObjectID) -> Bool { false }
}
