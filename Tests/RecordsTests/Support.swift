import Base
import Pipelines
import Records

/// A tree in memory.
struct MemoryTree: ContentSource {
    var files: [String: String]
    func id(of path: String) -> ObjectID? { files[path].map { ObjectID.of($0) } }
    func size(of path: String) -> Int64? { files[path].map { Int64($0.utf8.count) } }
    func read(_ path: String) -> [UInt8]? { files[path].map { Array($0.utf8) } }
}

struct MemoryIndex: RecordIndex {
    var all: [RunRecord]
    func records(forKey key: ObjectID) -> [RunRecord] { all.filter { $0.key == key }.sorted { $0.time > $1.time } }
    func records(stage address: String) -> [RunRecord] {
        all.filter { $0.stage == address }.sorted { $0.time > $1.time }
    }
}

func sampleRecord(_ stage: String = "evaluate", seconds: Int64 = 1_795_446_245) -> RunRecord {
    RunRecord(
        time: Timestamp(seconds: seconds), stage: stage, key: ObjectID.of("key of \(stage)"),
        commands: ["a", "b \"q\""],
        directory: "sub", dependencies: [.init(path: "in", id: ObjectID.of("in"), size: 2)],
        params: [ParamValue(file: "params.yaml", key: "lr", value: ["x": 0.1])],
        outputs: [.init(path: "m.json", id: ObjectID.of("m"), size: 9, kind: .metric)],
        metrics: ["m.json": ["imdb.test.accuracy": 0.9042, "imdb.test.log_loss": 0.231]], duration: 1.2,
        processorTime: 0.8, peakMemory: 1 << 30, log: ObjectID.of("log"),
        context: RunContext(tree: "abc", commit: "def", isDirty: true, host: "h", tools: ["git": "2.39.5"]),
        environment: ["SEED": "1", "CUDA": .null])
}
