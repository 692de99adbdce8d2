import Base
import GitKit
import Glibc
import ObjectStore

/// Puts content where git has left pointers, or nothing yet: each file in one step, whole or not at all.
struct WorkTreeWriter: Sendable {
    /// Up to here a file is one page: a single write puts all of it in place or nothing, even when the process is killed.
    private static let pageSize: Int64 = 4096

    /// Whether a file is written in place.
    static func isShort(_ file: PointerFile) -> Bool { file.pointer.size <= pageSize }

    let top: String
    private let scratch: ScratchFolder
    let store: ObjectStore
    private let time: Int64

    init(top: String, scratch: ScratchFolder, store: ObjectStore) {
        self.top = top
        self.scratch = scratch
        self.store = store
        // Git distrusts a file that is as young as its index and would read it all again at the next status.
        time = Timestamp.now().seconds - 2
    }

    /// Replaces one pointer by its content.
    ///
    /// - Returns: the file's new status; nil when it was no longer the pointer and was left alone.
    func replace(_ file: PointerFile) throws -> Files.Status? {
        if WorkTreeWriter.isShort(file), let status = try replaceInPlace(file) { return status }
        return try moveInto(file) { WorkTreeWriter.pointer(inFile: target(file)) == file.pointer }
    }

    /// Writes a file that is not there yet; a short one in place, so that `ScratchFolder.creating` must know of it.
    ///
    /// - Returns: its status; nil when something is there.
    func create(_ file: PointerFile) throws -> Files.Status? {
        let target = target(file)
        try Files.makeDirectories(Files.parent(of: target))
        guard WorkTreeWriter.isShort(file) else { return try moveInto(file) { !Files.exists(target) } }
        let content = try store.read(file.pointer.oid)
        guard !Files.exists(target) else { return nil }
        let output = try FileHandle(creating: target, mode: mode(file))
        try output.write(content, at: 0)
        try output.setModified(seconds: time)
        return try output.status()
    }

    /// The pointer a file consists of; nil for any other file.
    static func pointer(inFile path: String) -> Pointer? { shortText(inFile: path).flatMap(Pointer.parse) }

    /// The content of a regular file that has the length of a pointer; nil for any other file.
    static func shortText(inFile path: String) -> [UInt8]? {
        // The shortest pointer has 120 bytes: the size spares opening all other files.
        guard let status = Files.status(path), status.isRegular, (100..<Int64(Pointer.sizeLimit)).contains(status.size)
        else { return nil }
        return try? FileHandle(reading: path).read(count: Int(status.size), at: 0)
    }

    /// Over a file that has other names, that must not be written to or that is longer than its content, this is not
    /// possible: nil.
    private func replaceInPlace(_ file: PointerFile) throws -> Files.Status? {
        let content = try store.read(file.pointer.oid)
        guard let output = try? FileHandle(existing: target(file)) else { return nil }
        let status = try output.status()
        guard status.isRegular, status.links == 1, status.size <= Int64(content.count), status.size < Pointer.sizeLimit,
            try Pointer.parse(output.read(count: Int(status.size), at: 0)) == file.pointer
        else { return nil }
        try output.write(content, at: 0)
        try output.setModified(seconds: time)
        return try output.status()
    }

    /// Writes beside and renames, if the place is still as expected.
    private func moveInto(_ file: PointerFile, if isExpected: () -> Bool) throws -> Files.Status? {
        try scratch.replace(target(file)) { temporary in
            let output = try FileHandle(creating: temporary, mode: mode(file))
            try store.write(file.pointer.oid, to: output)
            try output.setModified(seconds: time)
            try output.close()
            return isExpected() ? () : nil
        }.flatMap { Files.status(target(file)) }
    }

    private func target(_ file: PointerFile) -> String { top + "/" + file.path }

    private func mode(_ file: PointerFile) -> mode_t {
        (file.isExecutable ? 0o777 : 0o666) & ~SharedPermissions.userMask
    }
}
