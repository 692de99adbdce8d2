import Base
import ObjectStore

/// The folder Git LFS keeps content in: `objects/aa/bb/OID`. That of this repository (`.git/lfs`), of another one on this
/// machine, or on a share.
public struct LFSFolder: ContentRemote {
    private let root: String

    /// - Parameter root: the folder that holds `objects`.
    public init(root: String) { self.root = root }

    public var name: String { root }

    public func lacking(_ files: [Pointer]) throws -> [ObjectID] {
        files.filter { Files.status(path($0.oid))?.size != $0.size }.map(\.oid)
    }

    public func lackingWhenLastSeen(_ files: [Pointer]) throws -> [ObjectID] { try lacking(files) }

    public func unproven(_ ids: [ObjectID], of store: ObjectStore) throws -> [ObjectID] {
        try unproven(ids, of: store) { try lacking($0) }
    }

    public func push(
        _ files: [Pointer], from store: ObjectStore, temporary: String, progress: any ProgressReporter
    ) throws -> ContentTransfer {
        var transfer = ContentTransfer()
        let absent = Set(try lacking(files))
        let wanted = files.filter { absent.contains($0.oid) }
        if wanted.isEmpty { return transfer }
        guard Files.isDirectory(root) || Files.isDirectory(Files.parent(of: root)) else {
            throw MLError(
                .notFound, "remote folder '\(root)' is not there",
                hint: "is the disk or share mounted? its parent folder must exist")
        }
        for file in wanted {
            let target = path(file.oid)
            try Files.makeDirectories(Files.parent(of: target))
            let passing = Files.temporaryName(beside: target)
            do {
                let output = try FileHandle(creating: passing)
                try store.write(file.oid, to: output)
                try output.synchronize()
                try output.close()
                try Files.rename(passing, to: target)
            } catch {
                try? Files.remove(passing)
                throw error
            }
            Files.synchronizeDirectory(Files.parent(of: target))
            transfer.objects += 1
            transfer.bytes += file.size
            progress.report("Copying", completed: transfer.objects, total: wanted.count, detail: "to \(root)")
        }
        return transfer
    }

    /// A file whose bytes are not what its name says counts as missing.
    public func fetch(
        _ files: [Pointer], into store: ObjectStore, progress: any ProgressReporter
    ) throws -> (transfer: ContentTransfer, missing: [ObjectID]) {
        var transfer = ContentTransfer()
        var missing: [ObjectID] = []
        let absent = Set(try store.lacking(files.lazy.filter { $0.size > 0 }.map(\.oid)))
        let wanted = files.filter { absent.contains($0.oid) }
        if wanted.isEmpty || !Files.isDirectory(root + "/objects") { return (transfer, wanted.map(\.oid)) }
        let writer = try store.makeWriter()
        for (done, file) in wanted.enumerated() {
            let source = path(file.oid)
            guard let status = Files.status(source), status.isRegular, status.size == file.size,
                try ObjectID.ofFile(source) == file.oid
            else {
                missing.append(file.oid)
                continue
            }
            let input = try FileHandle(reading: source)
            guard try writer.add({ try input.read(into: $0) }).pointer == file else {
                throw MLError(.corrupt, "'\(source)' changed while it was read")
            }
            transfer.objects += 1
            transfer.bytes += file.size
            progress.report("Copying", completed: done + 1, total: wanted.count, detail: "from \(root)")
        }
        try writer.finish()
        return (transfer, missing)
    }

    private func path(_ id: ObjectID) -> String {
        let hex = id.hex
        return "\(root)/objects/\(hex.prefix(2))/\(hex.dropFirst(2).prefix(2))/\(hex)"
    }
}
