import Base

/// One stage of a pipeline, all templates filled in, all paths relative to the top of the repository.
public struct Stage: Hashable, Sendable {
    /// The name in its file; `group@item` when `foreach` or `matrix` made it.
    public var name: String
    /// The pipeline file.
    public var file: String
    /// Commands in order; each runs in a shell of its own.
    public var commands: [String]
    /// The same as it stands in the file, a text or a list of texts, templates filled in; nil for a stage made by hand.
    public var writtenCommand: JSON?
    /// The folder commands run in; `.` is the top of the repository.
    public var directory: String
    public var dependencies: [String]
    public var params: [ParamSelection]
    public var outputs: [Output]
    public var isFrozen: Bool
    public var isAlwaysChanged: Bool
    public var summary: String?
    public var meta: JSON?
    public var settings: StageSettings
    /// Where the stage is written, for messages.
    public var line: Int

    /// What people and records call the stage: `train`, or `sub/dvc.yaml:train` for a file that is not at the top.
    public var address: String { Stage.address(name, file: file) }

    /// The address as somebody standing in `folder` writes it: the bare name for stages of that folder's file.
    public func address(from folder: String) -> String {
        RepositoryPath.folder(of: file) == folder ? name : "\(RepositoryPath.relative(file, to: folder)):\(name)"
    }

    /// Where the stage is written: `dvc.yaml:12`.
    public var place: String { "\(file):\(line)" }

    /// The name before `@`, for stages made by `foreach` or `matrix`.
    public var group: String? {
        name.split(separator: "@", maxSplits: 1).count == 2 ? String(name.prefix { $0 != "@" }) : nil
    }

    /// Whether results may be taken from an earlier run with the same key.
    ///
    /// As in DVC: not for `always_changed`, `persist` outputs or data with `cache: false`; here a stage without
    /// dependencies counts when it has params, which are then its inputs.
    public var isRestorable: Bool {
        !isAlwaysChanged && !outputs.isEmpty && (!dependencies.isEmpty || !params.isEmpty)
            && outputs.allSatisfy { !$0.isPersistent && ($0.isCached || $0.kind != .data) }
    }

    /// Neither inputs nor outputs: nothing can tell that it need not run.
    public var isCallback: Bool { dependencies.isEmpty && params.isEmpty && outputs.isEmpty }

    static func address(_ name: String, file: String) -> String { file.contains("/") ? "\(file):\(name)" : name }

    public init(
        name: String, file: String = "mlrun.yaml", commands: [String], directory: String = ".",
        dependencies: [String] = [], params: [ParamSelection] = [], outputs: [Output] = [], isFrozen: Bool = false,
        isAlwaysChanged: Bool = false, summary: String? = nil, meta: JSON? = nil,
        settings: StageSettings = StageSettings(), line: Int = 1
    ) {
        self.name = name
        self.file = file
        self.commands = commands
        self.directory = directory
        self.dependencies = dependencies
        self.params = params
        self.outputs = outputs
        self.isFrozen = isFrozen
        self.isAlwaysChanged = isAlwaysChanged
        self.summary = summary
        self.meta = meta
        self.settings = settings
        self.line = line
    }
}

/// Params of one file that a stage reads.
public struct ParamSelection: Hashable, Sendable {
    public var file: String
    /// Dotted keys; nil for the whole file.
    public var keys: [String]?

    public init(file: String, keys: [String]?) {
        self.file = file
        self.keys = keys
    }
}

/// A file or folder a stage makes.
public struct Output: Hashable, Sendable {
    /// The list the output stands in.
    public enum Kind: String, Sendable { case data, metric, plot }

    public var path: String
    public var kind: Kind
    /// `cache`: whether the content may be kept apart from Git's own objects.
    public var isCached: Bool
    /// `persist`: not deleted before the stage runs.
    public var isPersistent: Bool
    /// `push`: whether the content is uploaded.
    public var isPushed: Bool
    public var summary: String?
    /// Everything else written at the output: type, labels, meta, and how to draw a plot.
    public var properties: JSONObject

    public init(
        path: String, kind: Kind = .data, isCached: Bool = true, isPersistent: Bool = false, isPushed: Bool = true,
        summary: String? = nil, properties: JSONObject = [:]
    ) {
        self.path = path
        self.kind = kind
        self.isCached = isCached
        self.isPersistent = isPersistent
        self.isPushed = isPushed
        self.summary = summary
        self.properties = properties
    }
}

/// What a stage says under `meta.mlrun`.
public struct StageSettings: Hashable, Sendable {
    /// Where to run: `local`, `slurm`.
    public var executor: String?
    /// cpus, mem_mb, gpus, runtime and what the executor knows besides.
    public var resources: JSONObject
    /// Environment variables whose values are part of the stage key.
    public var environment: [String]
    /// What else the result depends on, such as `python:requirements.txt`.
    public var uses: [String]
    /// The files `uses` names, from the top of the repository: inputs that make no edge in the graph.
    public var usedFiles: [String]
    public var seed: Int64?
    public var retries: Int
    /// As written: seconds or a text such as `2h`.
    public var timeout: JSON?
    /// Conditions on metrics, each a mapping with `metric` and a threshold.
    public var gates: [JSONObject]
    public var tags: [String]

    public init(
        executor: String? = nil, resources: JSONObject = [:], environment: [String] = [], uses: [String] = [],
        usedFiles: [String] = [], seed: Int64? = nil, retries: Int = 0, timeout: JSON? = nil, gates: [JSONObject] = [],
        tags: [String] = []
    ) {
        self.executor = executor
        self.resources = resources
        self.environment = environment
        self.uses = uses
        self.usedFiles = usedFiles
        self.seed = seed
        self.retries = retries
        self.timeout = timeout
        self.gates = gates
        self.tags = tags
    }
}
