import Base

/// What one run of a stage read, did and made. One line of JSON in the records ref.
public struct RunRecord: Hashable, Sendable {
    /// The format this code writes.
    public static let currentVersion = 1

    /// A dependency or an output as it was.
    public struct File: Hashable, Sendable {
        public var path: String
        public var id: ObjectID
        /// Bytes; nil when not known.
        public var size: Int64?
        /// `metric` and `plot` for such outputs.
        public var kind: Output.Kind
        /// What an output that is no folder is: restoring must not lose the executable bit.
        public var mode: FolderID.Mode

        public init(
            path: String, id: ObjectID, size: Int64? = nil, kind: Output.Kind = .data, mode: FolderID.Mode = .file
        ) {
            self.path = path
            self.id = id
            self.size = size
            self.kind = kind
            self.mode = mode
        }
    }

    public var version: Int
    /// When the stage ended.
    public var time: Timestamp
    /// The stage's address.
    public var stage: String
    public var key: ObjectID
    public var commands: [String]
    public var directory: String
    public var dependencies: [File]
    public var params: [ParamValue]
    public var outputs: [File]
    /// Flattened metrics by metric file.
    public var metrics: JSONObject
    /// Seconds on the wall.
    public var duration: Double
    /// Seconds of processor time, user and system.
    public var processorTime: Double
    /// Bytes.
    public var peakMemory: Int64
    public var exitStatus: Int
    /// Id of the kept output of the commands.
    public var log: ObjectID?
    public var context: RunContext
    /// The environment variables the stage declares, as they were; null when not set.
    public var environment: JSONObject
    /// Keys of the line this version does not know; written back as they were.
    public var unknown: JSONObject

    public init(
        time: Timestamp, stage: String, key: ObjectID, commands: [String], directory: String = ".",
        dependencies: [File] = [], params: [ParamValue] = [], outputs: [File] = [], metrics: JSONObject = [:],
        duration: Double = 0, processorTime: Double = 0, peakMemory: Int64 = 0, exitStatus: Int = 0,
        log: ObjectID? = nil, context: RunContext = RunContext(), environment: JSONObject = [:]
    ) {
        version = RunRecord.currentVersion
        self.time = time
        self.stage = stage
        self.key = key
        self.commands = commands
        self.directory = directory
        self.dependencies = dependencies
        self.params = params
        self.outputs = outputs
        self.metrics = metrics
        self.duration = duration
        self.processorTime = processorTime
        self.peakMemory = peakMemory
        self.exitStatus = exitStatus
        self.log = log
        self.context = context
        self.environment = environment
        unknown = [:]
    }
}

/// A param a stage read, with its value.
public struct ParamValue: Hashable, Sendable {
    public var file: String
    /// Dotted.
    public var key: String
    public var value: JSON

    public init(file: String, key: String, value: JSON) {
        self.file = file
        self.key = key
        self.value = value
    }
}

/// Where a run happened.
public struct RunContext: Hashable, Sendable {
    /// Git ids in hex; nil outside a commit.
    public var tree: String?
    public var commit: String?
    /// Whether the work tree differed from the commit.
    public var isDirty: Bool
    public var host: String?
    /// Versions of the tools that took part, by name.
    public var tools: JSONObject

    public init(
        tree: String? = nil, commit: String? = nil, isDirty: Bool = false, host: String? = nil, tools: JSONObject = [:]
    ) {
        self.tree = tree
        self.commit = commit
        self.isDirty = isDirty
        self.host = host
        self.tools = tools
    }
}
