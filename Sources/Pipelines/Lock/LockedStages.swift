import Base

/// What the `dvc.lock` files of a work tree say about stages: DVC's memory of a project that was never run by us.
public final class LockedStages: @unchecked Sendable {
    /// How a stage compares with its entry.
    public enum Verdict: Sendable {
        /// Command, params, dependencies and outputs are those of DVC's last run.
        case matches
        case differs([Reason])
    }

    private let root: String
    private let ignore: DVCIgnore
    private let mutex = Mutex()
    private var locks: [String: DVCLock?] = [:]
    private var digests: [String: DVCDigest?] = [:]

    /// - Parameter root: the top of the work tree.
    public init(root: String) {
        self.root = root
        ignore = DVCIgnore(root: root)
    }

    /// Where DVC keeps the lock of a pipeline file; nil for files DVC does not read.
    public static func path(for pipeline: String) -> String? {
        pipeline.hasSuffix("dvc.yaml") ? String(pipeline.dropLast("yaml".count)) + "lock" : nil
    }

    /// Compares a stage with its entry; nil when it has none, or depends on what DVC does not look at.
    ///
    /// - Parameters:
    ///   - outputs: current ids by path; nil for those that are not there.
    ///   - allowMissing: what is not there counts as it was.
    public func verdict(
        _ stage: Stage, _ inputs: StageInputs, outputs: [String: ObjectID?], allowMissing: Bool
    ) throws -> Verdict? {
        let settings = stage.settings
        guard settings.environment.isEmpty, settings.uses.isEmpty, settings.seed == nil,
            let entry = try lock(stage.file)?[stage.name]
        else { return nil }
        var reasons: [Reason] = []
        if entry.command != stage.writtenCommand { reasons.append(.changedCommand) }
        reasons += params(stage, inputs, entry)
        let old = files(entry.dependencies, stage)
        for dependency in inputs.dependencies {
            guard let file = old[dependency.path] else {
                reasons.append(.changedDependency(path: dependency.path, .new))
                continue
            }
            if dependency.id == nil && allowMissing { continue }
            guard let id = dependency.id else {
                reasons.append(.changedDependency(path: dependency.path, .deleted))
                continue
            }
            if try !isSame(file, dependency.path, id) {
                reasons.append(.changedDependency(path: dependency.path, .modified))
            }
        }
        for path in old.keys.sorted() where !inputs.dependencies.contains(where: { $0.path == path }) {
            reasons.append(.changedDependency(path: path, .deleted))
        }
        let made = files(entry.outputs, stage)
        for output in stage.outputs {
            let id = outputs[output.path] ?? nil
            if id == nil && allowMissing && made[output.path] != nil { continue }
            guard let id else {
                reasons.append(.missingOutput(output.path))
                continue
            }
            guard let file = made[output.path] else {
                if !reasons.contains(.changedOutputList) { reasons.append(.changedOutputList) }
                continue
            }
            if try !isSame(file, output.path, id) { reasons.append(.modifiedOutput(output.path)) }
        }
        return reasons.isEmpty ? .matches : .differs(reasons)
    }

    private func lock(_ pipeline: String) throws -> DVCLock? {
        guard let path = LockedStages.path(for: pipeline) else { return nil }
        if let known = mutex.withLock({ locks[path] }) { return known }
        let full = Files.join(root, path)
        let lock = Files.exists(full) ? try DVCLock(parsing: Files.read(full), path: path) : nil
        mutex.withLock { locks[path] = .some(lock) }
        return lock
    }

    private func files(_ list: [DVCLock.File], _ stage: Stage) -> [String: DVCLock.File] {
        Dictionary(
            list.compactMap { file in
                (try? RepositoryPath.normalize(file.path, in: stage.directory)).map { ($0, file) }
            }, uniquingKeysWith: { first, _ in first })
    }

    private func isSame(_ file: DVCLock.File, _ path: String, _ id: ObjectID) throws -> Bool {
        guard let md5 = file.md5 else { return false }
        if try digest(path, id, isLegacy: file.isLegacy)?.md5 == md5 { return true }
        // Binary files, and text with plain line ends, have one MD5 in both ways of counting.
        return try file.isLegacy && digest(path, id, isLegacy: false)?.md5 == md5
    }

    private func digest(_ path: String, _ id: ObjectID, isLegacy: Bool) throws -> DVCDigest? {
        let key = "\(isLegacy) \(id.hex) \(path)"
        if let known = mutex.withLock({ digests[key] }) { return known }
        let digest = try DVCDigest.of(Files.join(root, path), isLegacy: isLegacy) {
            ignore.ignores(Files.join(path, $0), isFolder: $1, below: path)
        }
        mutex.withLock { digests[key] = .some(digest) }
        return digest
    }

    private func params(_ stage: Stage, _ inputs: StageInputs, _ entry: DVCLock.Entry) -> [Reason] {
        var old: [String: JSONObject] = [:]
        for (file, values) in entry.params.pairs {
            guard let path = try? RepositoryPath.normalize(file, in: stage.directory) else { continue }
            old[path] = values.objectValue ?? [:]
        }
        var reasons: [Reason] = []
        for param in inputs.params {
            guard let value = old[param.file]?[param.key] else {
                reasons.append(.changedParam(file: param.file, key: param.key, .new))
                continue
            }
            if !LockedStages.isEqual(value, param.value) {
                reasons.append(.changedParam(file: param.file, key: param.key, .modified))
            }
        }
        for (file, values) in old.sorted(by: { $0.key < $1.key }) {
            for key in values.keys where !inputs.params.contains(where: { $0.file == file && $0.key == key }) {
                reasons.append(.changedParam(file: file, key: key, .deleted))
            }
        }
        return reasons
    }

    /// As Python compares: `1` equals `1.0`.
    private static func isEqual(_ a: JSON, _ b: JSON) -> Bool {
        switch (a, b) {
        case (.integer, .number), (.number, .integer): a.doubleValue == b.doubleValue
        case (.array(let x), .array(let y)): x.count == y.count && zip(x, y).allSatisfy(isEqual)
        case (.object(let x), .object(let y)):
            x.keys.count == y.keys.count
                && x.pairs.allSatisfy { key, value in y[key].map { isEqual(value, $0) } ?? false }
        default: a == b
        }
    }
}

extension DVCLock {
    /// The entry of a stage as it stands in a work tree.
    ///
    /// - Parameter digest: what is at a path (from the top); nil when nothing is.
    /// - Throws: `MLError(.notFound)` for a file that is missing.
    public static func entry(
        of stage: Stage, params: [ParamValue], digest: (String) throws -> DVCDigest?
    ) throws -> Entry {
        func file(_ path: String) throws -> File {
            guard let digest = try digest(path) else {
                throw MLError(.notFound, "'\(path)' of stage '\(stage.address)' does not exist")
            }
            return File(
                path: RepositoryPath.relative(path, to: stage.directory), md5: digest.md5, isLegacy: false,
                size: digest.size, count: digest.count, isExecutable: digest.isExecutable)
        }
        var entry = Entry(command: stage.writtenCommand)
        entry.dependencies = try stage.dependencies.map(file)
        entry.outputs = try stage.outputs.map { try file($0.path) }
        // DVC writes the default file first.
        let names = params.map(\.file).sorted {
            let (a, b) = (Files.lastComponent(of: $0) == "params.yaml", Files.lastComponent(of: $1) == "params.yaml")
            return a == b ? $0 < $1 : a
        }
        for name in names {
            let path = RepositoryPath.relative(name, to: stage.directory)
            if entry.params[path] != nil { continue }
            let values = params.filter { $0.file == name }.map { ($0.key, $0.value) }
            entry.params[path] = .object(JSONObject(values))
        }
        return entry
    }
}
