import Base

/// Where records go.
public protocol RecordSink: Sendable {
    /// Keeps the output of a stage's commands; nil when logs are not kept.
    func store(log: [UInt8]) throws -> ObjectID?

    /// Metrics that the commands of a stage handed over by themselves (`git mlrun record NAME=VALUE`) since the last
    /// call; they are recorded under the empty file name.
    func takeRecordedMetrics(stage address: String) throws -> JSONObject

    /// Adds a record.
    func append(_ record: RunRecord) throws

    /// Adds several in one step.
    func append(_ records: [RunRecord]) throws
}

extension RecordSink {
    public func append(_ records: [RunRecord]) throws { try records.forEach { try append($0) } }

    /// None.
    public func takeRecordedMetrics(stage address: String) throws -> JSONObject { [:] }
}

/// Where the content of outputs is kept and fetched from.
public protocol OutputStore: Sendable {
    /// Puts an output's content into the store, a folder with its `FolderID.listing`.
    ///
    /// - Returns: the content's id, as `ContentSource.id(of:)` gives it.
    func store(_ output: Output) throws -> ObjectID

    /// Puts the content in place of pointers in these files and folders: commands are going to read them.
    ///
    /// - Throws: `MLError(.missingObject)` when content cannot be got.
    func fill(_ paths: [String]) throws

    /// Puts outputs of a record into the work tree in place of what is there.
    ///
    /// - Throws: `MLError(.missingObject)` when content cannot be got after all; the stage then runs.
    func restore(_ files: [RunRecord.File]) throws
}

/// What happens while stages are brought up to date.
public enum ReproEvent: Sendable {
    /// `Stage 'x' didn't change, skipping`
    case unchanged(Stage)
    /// `Stage 'x' is frozen`: not looked at.
    case frozen(Stage)
    /// `Stage 'x' is cached - skipping run, checking out outputs`
    case restored(Stage, RunRecord, reasons: [Reason])
    /// `Running stage 'x':`
    case starting(Stage, reasons: [Reason])
    /// `> cmd`
    case command(Stage, String)
    case output(Stage, [UInt8])
    case finished(Stage, RunRecord)
    /// The stage ran, but something about the result is odd.
    case warning(Stage, String)
    case failed(Stage, MLError)
    /// Not run since a stage it needs failed.
    case blocked(Stage, by: Stage)
}

/// What came of it.
public struct ReproResult: Sendable {
    public var ran: [RunRecord] = []
    public var restored: [Stage] = []
    public var unchanged: [Stage] = []
    public var failures: [(stage: Stage, error: MLError)] = []
    public var blocked: [Stage] = []

    /// `Data and pipelines are up to date.`
    public var isUpToDate: Bool { ran.isEmpty && restored.isEmpty && failures.isEmpty && blocked.isEmpty }
}
