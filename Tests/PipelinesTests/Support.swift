import Base
import Glibc
import Pipelines

/// A folder that stands for a work tree and goes away with the value.
final class TemporaryTree: Sendable {
    let root: String
    init() throws {
        root = Files.temporaryName(beside: "/tmp/x").replacing(".tmp-", with: "mlrun-test-")
        try Files.makeDirectories(root)
    }
    deinit { try? Files.remove(root) }

    func write(_ path: String, _ text: String) throws {
        try Files.makeDirectories(Files.parent(of: root + "/" + path))
        try Files.writeAtomically(text, to: root + "/" + path)
    }
    func read(_ path: String) throws -> String { try Files.readText(root + "/" + path) }
    func exists(_ path: String) -> Bool { Files.exists(root + "/" + path) }
    func remove(_ path: String) throws { try Files.remove(root + "/" + path) }
}

/// Records in memory.
final class MemoryRecords: RecordLookup, RecordSink, @unchecked Sendable {
    private let mutex = Mutex()
    private var stored: [RunRecord] = []
    private(set) var objects: [ObjectID: [UInt8]] = [:]
    /// The store promises more than it has.
    var isBroken = false
    private(set) var logs: [[UInt8]] = []
    var all: [RunRecord] { mutex.withLock { stored } }

    func records(forKey key: ObjectID) -> [RunRecord] { mutex.withLock { stored.filter { $0.key == key }.reversed() } }
    func latestRecord(stage address: String) -> RunRecord? { mutex.withLock { stored.last { $0.stage == address } } }
    func has(_ id: ObjectID) -> Bool { mutex.withLock { objects[id] != nil } }
    func store(log: [UInt8]) -> ObjectID? {
        mutex.withLock { logs.append(log) }
        return ObjectID.of(log)
    }
    func append(_ record: RunRecord) { mutex.withLock { stored.append(record) } }
    /// What the next stage hands over; the call before the run takes nothing.
    var handedOver: [JSONObject] = []
    func takeRecordedMetrics(stage address: String) -> JSONObject {
        handedOver.isEmpty ? [:] : handedOver.removeFirst()
    }
    func put(_ bytes: [UInt8]) -> ObjectID {
        let id = ObjectID.of(bytes)
        mutex.withLock { objects[id] = bytes }
        return id
    }
}

/// Content of outputs in memory.
struct MemoryStore: OutputStore {
    let content: WorkTreeContent
    let records: MemoryRecords

    func store(_ output: Output) throws -> ObjectID {
        guard let entries = try content.entries(of: output.path) else {
            return records.put(try content.read(output.path) ?? [])
        }
        for entry in entries { _ = records.put(try content.read(output.path + "/" + entry.path) ?? []) }
        return records.put(FolderID.listing(entries))
    }

    func fill(_ paths: [String]) throws {
        for path in paths {
            guard let bytes = try content.read(path), let pointer = PointerText.parse(bytes) else { continue }
            guard let real = records.objects[pointer.id] else {
                throw MLError(.missingObject, "'\(path)' is not at hand")
            }
            try Files.writeAtomically(real, to: content.root + "/" + path)
        }
    }

    func restore(_ files: [RunRecord.File]) throws {
        for file in files {
            let target = content.root + "/" + file.path
            try Files.remove(target)
            guard !records.isBroken, let bytes = records.objects[file.id] else {
                throw MLError(.missingObject, "'\(file.path)' is lost")
            }
            if let entries = FolderID.parse(bytes) {
                for entry in entries {
                    try Files.makeDirectories(Files.parent(of: target + "/" + entry.path))
                    try Files.writeAtomically(records.objects[entry.id] ?? [], to: target + "/" + entry.path)
                }
            } else {
                try Files.makeDirectories(Files.parent(of: target))
                try Files.writeAtomically(bytes, to: target)
            }
        }
    }
}

/// A work tree with a pipeline, and everything needed to bring it up to date.
struct Bench {
    let tree: TemporaryTree
    let content: WorkTreeContent
    let records = MemoryRecords()
    var environment = ["PATH": "/usr/bin:/bin"]
    var context = RunContext()

    init(_ pipeline: String, files: [String: String] = [:]) throws {
        tree = try TemporaryTree()
        content = WorkTreeContent(root: tree.root)
        try tree.write("dvc.yaml", pipeline)
        for (path, text) in files { try tree.write(path, text) }
    }

    func project() throws -> Project { try Project(paths: ["dvc.yaml"], content: content) }

    func reproducer(_ change: (inout ReproOptions) -> Void = { _ in }) throws -> Reproducer {
        var options = ReproOptions()
        change(&options)
        return Reproducer(
            graph: try project().graph, content: content, lookup: records, sink: records,
            store: MemoryStore(content: content, records: records),
            runner: StageRunner(root: tree.root, environment: environment), options: options, context: context)
    }

    /// Runs, and says what happened in short words: `run a`, `skip b`, `restore c`, `fail d`, `blocked e`, `frozen f`.
    @discardableResult
    func repro(_ change: (inout ReproOptions) -> Void = { _ in }) throws -> [String] {
        var words: [String] = []
        _ = try reproducer(change).run { event in
            switch event {
            case .unchanged(let stage): words.append("skip \(stage.name)")
            case .frozen(let stage): words.append("frozen \(stage.name)")
            case .restored(let stage, _, _): words.append("restore \(stage.name)")
            case .finished(let stage, _): words.append("run \(stage.name)")
            case .failed(let stage, _): words.append("fail \(stage.name)")
            case .blocked(let stage, let by): words.append("blocked \(stage.name) by \(by.name)")
            case .warning(let stage, let text): words.append("warn \(stage.name): \(text)")
            case .starting, .command, .output: break
            }
        }
        return words
    }

    /// The plan in words: `train: run [changed command]`.
    func plan(_ change: (inout ReproOptions) -> Void = { _ in }) throws -> [String] {
        try reproducer(change).plan().map { plan in
            let state =
                switch plan.state {
                case .unchanged: "unchanged"
                case .cached: "cached"
                case .run: "run"
                case .mayRun: "may run"
                case .frozen: "frozen"
                }
            let reasons = plan.reasons.map(\.description).joined(separator: ", ")
            return plan.stage.name + ": " + state + (reasons.isEmpty ? "" : " [\(reasons)]")
        }
    }
}

/// Parses a pipeline with other files beside it.
func parse(_ text: String, name: String = "dvc.yaml", files: [String: String] = [:], options: TemplateOptions = .init())
    throws -> PipelineFile
{
    try PipelineFile(parsing: Array(text.utf8), path: name, options: options) { files[$0].map { Array($0.utf8) } }
}

/// The message an expression fails with, hints behind ` | `; nil when it does not fail.
func message(_ body: () throws -> Void) -> String? {
    do {
        try body()
        return nil
    } catch let error as MLError {
        return ([error.description] + error.hints).joined(separator: " | ")
    } catch { return "\(error)" }
}
