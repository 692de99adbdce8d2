import Base
import DVCImport
import Pipelines

/// Outputs of a revision that Git does not have since DVC keeps them: found through the revision's `dvc.lock` in DVC's
/// cache on this machine.
public struct DVCCache: Sendable {
    private let folder: String?
    private let hashes: [String: String]

    /// - Parameters:
    ///   - root: the top of the work tree, where `.dvc` is; nil in a bare repository.
    ///   - project: the pipelines of the revision.
    ///   - content: its files.
    public init(root: String?, project: Project, content: any ContentSource) {
        let settings = root.map { $0 + "/.dvc" }
        guard let settings, Files.isDirectory(settings),
            let configuration = try? DVCConfiguration(directory: settings)
        else {
            folder = nil
            hashes = [:]
            return
        }
        folder = configuration.folders.first
        var hashes: [String: String] = [:]
        for file in project.files {
            guard let path = LockedStages.path(for: file.path), let bytes = try? content.read(path),
                let lock = try? DVCLock(parsing: bytes, path: path)
            else { continue }
            let entries = Dictionary(lock.stages.map { ($0.name, $0.entry) }) { first, _ in first }
            for stage in file.stages {
                for output in entries[stage.name]?.outputs ?? [] {
                    guard let path = try? RepositoryPath.normalize(output.path, in: stage.directory) else { continue }
                    hashes[path] = output.md5
                }
            }
        }
        self.hashes = hashes
    }

    /// A file's content; nil when the lock does not name it, or it is not here or not what the lock says.
    public func read(_ path: String) -> [UInt8]? {
        guard let folder, let md5 = hashes[path], md5.utf8.count == 32 else { return nil }
        let name = "\(md5.prefix(2))/\(md5.dropFirst(2))"
        for place in ["\(folder)/files/md5/\(name)", "\(folder)/\(name)"] {
            guard let bytes = try? Files.read(place) else { continue }
            var hasher = MD5Hasher()
            hasher.update(bytes)
            if hasher.finish() == md5 { return bytes }
        }
        return nil
    }
}
