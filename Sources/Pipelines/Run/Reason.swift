import Base

/// Why a stage is not up to date.
public enum Reason: Hashable, Sendable, CustomStringConvertible {
    /// How something differs from the run it is compared with.
    public enum Change: String, Sendable { case new, modified, deleted }

    case neverRun
    case changedCommand
    case changedDirectory
    case changedDependency(path: String, Change)
    case changedParam(file: String, key: String, Change)
    case changedVariable(String)
    /// The declared outputs are others than those of the run compared with.
    case changedOutputList
    /// The key differs for something no other reason names, such as a `persist` flag.
    case changedDefinition
    case missingOutput(String)
    case modifiedOutput(String)
    case alwaysChanged
    case forced
    /// A stage before this one runs, so what this one reads is not known yet.
    case upstream(String)
    /// A stage before this one is restored, and this one reads a part of what that brings.
    case upstreamRestored(String)

    /// Whether the stage runs for it whatever the stages before it make.
    var isOwn: Bool {
        switch self {
        case .neverRun, .changedCommand, .changedDirectory, .changedParam, .changedVariable, .changedOutputList,
            .changedDefinition, .alwaysChanged, .forced:
            true
        default: false
        }
    }

    public var description: String {
        switch self {
        case .neverRun: "never run"
        case .changedCommand: "changed command"
        case .changedDirectory: "changed working directory"
        case .changedDependency(let path, let change): "changed dep '\(path)': \(change.rawValue)"
        case .changedParam(let file, let key, let change): "changed param '\(file):\(key)': \(change.rawValue)"
        case .changedVariable(let name): "changed environment variable '\(name)'"
        case .changedOutputList: "changed list of outputs"
        case .changedDefinition: "changed definition"
        case .missingOutput(let path): "missing output '\(path)'"
        case .modifiedOutput(let path): "modified output '\(path)'"
        case .alwaysChanged: "always changed"
        case .forced: "forced"
        case .upstream(let stage): "upstream '\(stage)' runs"
        case .upstreamRestored(let stage): "upstream '\(stage)' is restored"
        }
    }
}

/// What is to be done about a stage.
public enum StageState: Hashable, Sendable {
    /// A record with this key has the outputs that are there.
    case unchanged(RunRecord)
    /// A record with this key has outputs that can be fetched: nothing needs to run.
    case cached(RunRecord)
    case run
    /// It depends on what a stage before it makes whether this one runs.
    case mayRun
    /// `frozen: true`: never run, never looked at.
    case frozen
}

/// A stage with what is to be done and why.
public struct StagePlan: Hashable, Sendable {
    public var stage: Stage
    public var state: StageState
    /// The key of the run to come; nil when a dependency is missing or not known yet.
    public var key: ObjectID?
    public var inputs: StageInputs?
    /// Empty for `unchanged` and `frozen`.
    public var reasons: [Reason]
    /// Whether it is DVC's lock file, and no record of ours, that says the stage did not change.
    public var isLocked = false
}
