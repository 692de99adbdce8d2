import Base

/// Everything that decides what a stage makes, as it is right now.
public struct StageInputs: Hashable, Sendable {
    /// A dependency with the id of its content; nil when it does not exist.
    public struct Dependency: Hashable, Sendable {
        public var path: String
        public var id: ObjectID?

        public init(path: String, id: ObjectID?) {
            self.path = path
            self.id = id
        }
    }

    /// In the order of the stage.
    public var dependencies: [Dependency]
    /// Sorted by file and key.
    public var params: [ParamValue]
    /// Declared variables with their values; null when not set.
    public var environment: JSONObject

    public init(dependencies: [Dependency], params: [ParamValue], environment: JSONObject) {
        self.dependencies = dependencies
        self.params = params
        self.environment = environment
    }

    /// Looks the inputs up.
    ///
    /// - Parameters:
    ///   - params: values by file, read once for all stages.
    ///   - environment: the value of a variable; nil when it is not set.
    /// - Throws: `MLError(.notFound)` naming stage, file and key for a param that is not there.
    public init(
        of stage: Stage, content: any ContentSource, params: ParamReader, environment: (String) -> String?
    ) throws {
        let paths = stage.dependencies + stage.settings.usedFiles.filter { !stage.dependencies.contains($0) }
        dependencies = try paths.map { Dependency(path: $0, id: try content.id(of: $0)) }
        self.params = try params.values(of: stage)
        self.environment = JSONObject(
            stage.settings.environment.map { name in (name, environment(name).map { .string($0) } ?? .null) })
        if let seed = stage.settings.seed { self.environment[StageInputs.seedVariable] = .string(String(seed)) }
    }

    /// What a stage's commands find `meta.mlrun.seed` in. As an input it stands among the variables.
    public static let seedVariable = "MLRUN_SEED"

    /// Dependencies that do not exist.
    public var missing: [String] { dependencies.filter { $0.id == nil }.map(\.path) }
}

/// Reads param files of one content source, each file once.
public final class ParamReader: @unchecked Sendable {
    private let content: any ContentSource
    private let mutex = Mutex()
    private var files: [String: JSON?] = [:]

    public init(content: any ContentSource) { self.content = content }

    /// The values a stage reads, sorted by file and key. A whole file counts as its top-level keys; one that is no
    /// mapping has the empty key.
    public func values(of stage: Stage) throws -> [ParamValue] {
        var result: [ParamValue] = []
        for selection in stage.params {
            guard let value = try file(selection.file) else {
                throw MLError(
                    .notFound, "stage '\(stage.address)' reads params of '\(selection.file)', which does not exist")
            }
            guard let keys = selection.keys else {
                let all = value.objectValue?.pairs ?? [("", value)]
                result += all.map { ParamValue(file: selection.file, key: $0.key, value: $0.value) }
                continue
            }
            for key in keys {
                guard let found = Params.lookup(key, in: value) else {
                    let names = Params.flatten(value).map(\.key)
                    throw MLError(
                        .notFound,
                        "stage '\(stage.address)' reads the param '\(key)', which '\(selection.file)' has not",
                        hints: NearestName.hints(key, in: names))
                }
                result.append(ParamValue(file: selection.file, key: key, value: found))
            }
        }
        return result.sorted {
            $0.file == $1.file
                ? $0.key.utf8.lexicographicallyPrecedes($1.key.utf8)
                : $0.file.utf8.lexicographicallyPrecedes($1.file.utf8)
        }
    }

    /// Forgets a file that a stage may have written.
    public func forget(_ path: String) {
        mutex.withLock { files = files.filter { !RepositoryPath.isInside($0.key, path) } }
    }

    private func file(_ path: String) throws -> JSON? {
        if let known = mutex.withLock({ files[path] }) { return known }
        let value = try content.read(path).map { try Params.load($0, name: path) }
        mutex.withLock { files[path] = .some(value) }
        return value
    }
}
