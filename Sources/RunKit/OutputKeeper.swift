import Base
import DataKit
import ObjectStore
import Pipelines

/// Keeps stage outputs in the object store, so that a run never has to be repeated to get them back.
///
/// A file is kept under its own id, a folder as its files and its listing, whose hash is the folder's id.
public struct OutputKeeper: OutputStore {
    private let content: WorkTreeContent
    private let data: DataRepository
    private let store: ObjectStore
    private let progress: any ProgressReporter

    public init(content: WorkTreeContent, data: DataRepository, progress: any ProgressReporter) throws {
        self.content = content
        self.data = data
        self.progress = progress
        store = try data.openStore()
    }

    /// Whether a file or a whole folder of this id can be restored.
    public static func has(_ id: ObjectID, in store: ObjectStore) throws -> Bool {
        if id == OutputKeeper.empty { return true }
        guard try store.contains(id) else { return false }
        guard let entries = try listing(id, in: store) else { return true }
        return try entries.allSatisfy { try $0.id == OutputKeeper.empty || store.contains($0.id) }
    }

    public func store(_ output: Output) throws -> ObjectID {
        let writer = try store.makeWriter()
        let id = try keep(output.path, writer)
        try writer.finish()
        return id
    }

    public func fill(_ paths: [String]) throws {
        let synchroniser = try Synchroniser(data)
        let files = try synchroniser.candidates(paths)
        if files.isEmpty { return }
        try Downloader(data).require(files.map(\.pointer), progress: progress)
        _ = try synchroniser.fill(files, progress: progress)
    }

    public func restore(_ files: [RunRecord.File]) throws {
        for file in files {
            let target = Files.join(content.root, file.path)
            try Files.remove(target)
            guard let entries = try OutputKeeper.listing(file.id, in: store) else {
                try write(file.id, to: target, mode: file.mode)
                continue
            }
            try Files.makeDirectories(target)
            for entry in entries { try write(entry.id, to: target + "/" + entry.path, mode: entry.mode) }
        }
    }

    private func keep(_ path: String, _ writer: PackWriter) throws -> ObjectID {
        let full = Files.join(content.root, path)
        guard let status = Files.status(full) else { throw MLError(.notFound, "output '\(path)' does not exist") }
        guard let entries = try content.entries(of: path) else { return try keepFile(full, status, writer) }
        for entry in entries {
            let file = full + "/" + entry.path
            guard let status = Files.status(file), try keepFile(file, status, writer) == entry.id else {
                throw MLError(
                    .conflict, "'\(path)/\(entry.path)' changed while it was stored", hint: "run the stage again")
            }
        }
        return try writer.add(FolderID.listing(entries)).pointer.oid
    }

    private func keepFile(_ path: String, _ status: Files.Status, _ writer: PackWriter) throws -> ObjectID {
        if status.isSymbolicLink {
            let target = try Files.linkTarget(path)
            return target.isEmpty ? OutputKeeper.empty : try writer.add(target).pointer.oid
        }
        if status.size == 0 { return OutputKeeper.empty }
        if status.size < Pointer.sizeLimit, let pointer = Pointer.parse(try Files.read(path)) { return pointer.oid }
        let file = try FileHandle(reading: path)
        return try writer.add { try file.read(into: $0) }.pointer.oid
    }

    private func write(_ id: ObjectID, to path: String, mode: FolderID.Mode) throws {
        try Files.makeDirectories(Files.parent(of: path))
        if mode == .link { return try Files.makeLink(path, target: store.read(id)) }
        let temporary = Files.temporaryName(beside: path)
        do {
            let file = try FileHandle(creating: temporary, mode: mode == .executable ? 0o777 : 0o666)
            if id != OutputKeeper.empty { try store.write(id, to: file) }
            try file.close()
            try Files.rename(temporary, to: path)
        } catch {
            try? Files.remove(temporary)
            throw error
        }
    }

    /// A folder's listing is small; anything large is a file, whatever its first bytes.
    private static func listing(_ id: ObjectID, in store: ObjectStore) throws -> [FolderID.Entry]? {
        if id == empty { return nil }
        guard let size = try store.size(id), size < 64 << 20 else { return nil }
        let start = try store.readRange(id, offset: 0, length: 16)
        guard start.starts(with: Array("mlrun-folder 1\n".utf8)) else { return nil }
        return FolderID.parse(try store.read(id))
    }

    private static let empty = ObjectID.of([UInt8]())
}
