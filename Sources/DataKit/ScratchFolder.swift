import Base
import Glibc

/// A folder in the Git folder for work tree files in the making, where a killed process leaves nothing that git would
/// show.
///
/// Each user holds a shared lock on the folder, which the system drops however the user ends. Who gets the exclusive
/// lock is alone, so that all he finds was left by the killed.
public final class ScratchFolder: Sendable {
    private let path: String
    private let use: FileHandle

    /// Makes the folder; removes what killed processes left in it when nobody else uses it.
    public init(_ path: String) throws {
        self.path = path
        try Files.makeDirectories(path)
        use = try FileHandle(reading: path)
        if try use.lock(wait: false) {
            for name in try Files.list(path) {
                if name.hasPrefix(ScratchFolder.listName) { ScratchFolder.removeEmpty(listedIn: path + "/" + name) }
                try Files.remove(path + "/" + name)
            }
        }
        try use.share()
    }

    private static let listName = "creating-"

    /// Creates files in place, which is half the work of creating them here and moving them there.
    ///
    /// A process killed between creating a file and filling it leaves it empty; the list kept here lets the next one
    /// remove it.
    ///
    /// - Parameter targets: their absolute paths.
    public func creating<T>(_ targets: [String], _ body: () throws -> T) throws -> T {
        if targets.isEmpty { return try body() }
        let list = path + "/\(ScratchFolder.listName)\(getpid())-\(UInt64.random(in: 0...UInt64.max))"
        let file = try FileHandle(creating: list)
        try file.writeAll(targets.joined(separator: "\0"))
        defer { try? Files.remove(list) }
        return try body()
    }

    private static func removeEmpty(listedIn list: String) {
        guard let text = try? Files.readText(list) else { return }
        for target in text.split(separator: "\0").map(String.init) {
            if let status = Files.status(target), status.isRegular, status.size == 0 { try? Files.remove(target) }
        }
    }

    /// Puts a file in place in one step.
    ///
    /// - Parameter write: makes the file under the name it is given; nil when the target is to stay as it is.
    public func replace<T>(_ target: String, _ write: (String) throws -> T?) throws -> T? {
        let temporary = temporaryName(for: target)
        do {
            guard let result = try write(temporary) else {
                try Files.remove(temporary)
                return nil
            }
            try Files.rename(temporary, to: target)
            return result
        } catch {
            try? Files.remove(temporary)
            throw error
        }
    }

    /// Replaces a file of the work tree in one step; a killed process leaves nothing beside it.
    public func write(_ bytes: [UInt8], to target: String) throws {
        let mode = mode_t((Files.status(target)?.mode ?? 0o666) & 0o777)
        _ = try replace(target) { temporary in
            let output = try FileHandle(creating: temporary, mode: mode)
            try output.writeAll(bytes)
            try output.synchronize()
            try output.close()
        }
        Files.synchronizeDirectory(Files.parent(of: target))
    }

    /// Keeps the folder from being swept while something makes files of its own there.
    ///
    /// - Parameter body: is given the folder's path.
    public func hold<T>(_ body: (String) throws -> T) rethrows -> T { try body(path) }

    /// A name in the folder; beside the target only when that is on another file system, where a rename cannot reach.
    private func temporaryName(for target: String) -> String {
        let isNear = Files.status(path)?.device == Files.status(Files.parent(of: target))?.device
        return Files.temporaryName(beside: isNear ? path + "/x" : target)
    }
}
