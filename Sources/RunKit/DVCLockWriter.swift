import Base
import DVCImport
import Glibc
import Pipelines

/// Writes what DVC wants to know of finished stages: `dvc.lock` beside each `dvc.yaml`, and the outputs in DVC's cache,
/// without which `dvc status` would call them missing.
public struct DVCLockWriter: Sendable {
    private let root: String
    private let ignore: DVCIgnore
    /// DVC's cache; nil in a repository without `.dvc`.
    private let cache: String?

    /// - Parameter root: the top of the work tree.
    public init(root: String) throws {
        self.root = root
        ignore = DVCIgnore(root: root)
        let folder = root + "/.dvc"
        cache = Files.isDirectory(folder) ? try DVCConfiguration(directory: folder).folders.first : nil
    }

    /// Writes entries for stages that are up to date; those of other stages stay.
    ///
    /// - Returns: paths of the lock files that changed.
    public func write(_ stages: [(stage: Stage, params: [ParamValue])]) throws -> [String] {
        var digests: [String: DVCDigest?] = [:]
        func digest(_ path: String) throws -> DVCDigest? {
            if let known = digests[path] { return known }
            let digest = try DVCDigest.of(Files.join(root, path)) {
                ignore.ignores(Files.join(path, $0), isFolder: $1, below: path)
            }
            digests[path] = .some(digest)
            return digest
        }
        var changed: [String] = []
        let files = Dictionary(grouping: stages) { LockedStages.path(for: $0.stage.file) ?? "" }
        for (path, stages) in files.sorted(by: { $0.key < $1.key }) where !path.isEmpty {
            let full = Files.join(root, path)
            let old = Files.exists(full) ? try Files.read(full) : []
            let before = try DVCLock(parsing: old, path: path)
            var lock = before
            for (stage, params) in stages {
                lock[stage.name] = try DVCLock.entry(of: stage, params: params, digest: digest)
                for output in stage.outputs where output.isCached {
                    if let found = try digest(output.path) { try keep(output.path, found) }
                }
            }
            if lock == before && !old.isEmpty { continue }
            try Files.writeAtomically(lock.text, to: full)
            changed.append(path)
        }
        return changed
    }

    private func keep(_ path: String, _ digest: DVCDigest) throws {
        guard let cache else { return }
        let full = Files.join(root, path)
        if digest.count == nil { return try keep(digest.md5, in: cache) { try Files.copy(full, to: $0) } }
        for entry in digest.entries {
            try keep(entry.md5, in: cache) { try Files.copy(full + "/" + entry.path, to: $0) }
        }
        // Last, as it says that its files are there.
        try keep(digest.md5, in: cache) { try Files.writeAtomically(DVCDigest.manifest(digest.entries), to: $0) }
    }

    /// Objects are read-only, as DVC's own.
    private func keep(_ md5: String, in cache: String, _ write: (String) throws -> Void) throws {
        let path = "\(cache)/files/md5/\(md5.prefix(2))/\(md5.dropFirst(2))"
        if Files.exists(path) { return }
        try Files.makeDirectories(Files.parent(of: path))
        let temporary = Files.temporaryName(beside: path)
        do {
            try write(temporary)
            chmod(temporary, 0o444)
            try Files.rename(temporary, to: path)
        } catch {
            try? Files.remove(temporary)
            throw error
        }
    }
}
