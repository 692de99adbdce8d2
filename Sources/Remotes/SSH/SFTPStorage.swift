import Base
import GitKit

/// A folder on another machine as remote, by SFTP through the user's own ssh.
///
/// A file is written under a temporary name that its content decides, so that an upload that was cut off goes on where it
/// stopped, and gets its own name by one rename that fails when the key exists.
public final class SFTPStorage: Storage, @unchecked Sendable {
    private let address: SSHAddress
    private let git: GitCommand?
    private let patience: Double
    private let mutex = Mutex()
    private var open: SFTPChannel?
    private var configured: String?

    /// How often a request is tried on a new connection before its failure is final.
    private static let tries = 4
    /// Requests of one transfer on the way at once, of 128 KiB each: four transfers fill a line of 1 Gbit/s and 60 ms.
    private static let window = 16
    /// Of what an earlier upload left, so much is read back and compared before more is added.
    private static let compared = 1 << 20

    /// - Parameters:
    ///   - git: where `core.sshCommand` is looked up; nil for nowhere.
    ///   - patience: seconds without an answer after which the connection counts as dead.
    public init(_ address: SSHAddress, git: GitCommand? = nil, patience: Double = 120) {
        self.address = address
        self.git = git
        self.patience = patience
    }

    deinit { close() }

    public var name: String { address.url }

    public func put(_ items: [StorageItem]) throws {
        for item in items {
            let digest = try SFTPStorage.digest(item)
            try retrying { try self.put(item, digest, $0) }
        }
    }

    public func get(_ key: String, range: Range<Int64>?) throws -> [UInt8] {
        let path = try path(key)
        return try retrying { channel in
            let handle = try self.openFile(path, .read, channel, key)
            defer { self.release(handle, channel) }
            guard let range else {
                let size = try self.attributes(channel.ask(.fileStatus) { $0.string(handle) }, key)?.size ?? 0
                return try self.read(handle, 0..<Int64(clamping: size), channel, key)
            }
            return try self.read(handle, range, channel, key)
        }
    }

    public func size(of key: String) throws -> Int64? {
        let path = try path(key)
        return try retrying { try self.size(path, $0, key) }
    }

    public func list(_ prefix: String) throws -> [String] {
        let folder = Files.parent(of: prefix + "x")
        let path = folder == "." ? address.path : try path(folder)
        return try retrying { channel in
            let answer = try channel.ask(.openFolder) { $0.string(path) }
            guard answer.kind == .handle else {
                try self.expect(answer, [.noSuchFile], "list", folder)
                return []
            }
            var reader = SFTPReader(answer.bytes)
            let handle = try reader.string()
            defer { self.release(handle, channel) }
            var found: [String] = []
            while true {
                let answer = try channel.ask(.readFolder) { $0.string(handle) }
                guard answer.kind == .names else {
                    try self.expect(answer, [.endOfFile], "list", folder)
                    break
                }
                var reader = SFTPReader(answer.bytes)
                for _ in 0..<(try reader.number()) {
                    let name = String(decoding: try reader.string(), as: UTF8.self)
                    _ = try reader.string()
                    let isFolder = try reader.attributes().isFolder
                    let key = folder == "." ? name : folder + "/" + name
                    if !isFolder, !name.hasPrefix(".tmp-"), key.hasPrefix(prefix) { found.append(key) }
                }
            }
            return found.sorted()
        }
    }

    public func delete(_ key: String) throws {
        let path = try path(key)
        try retrying { try self.expect($0.ask(.remove) { $0.string(path) }, [.ok, .noSuchFile], "delete", key) }
    }

    public func close() {
        mutex.withLock {
            open?.close()
            open = nil
        }
    }

    // MARK: - Uploads

    private func put(_ item: StorageItem, _ digest: String, _ channel: SFTPChannel) throws {
        let target = try path(item.key)
        if try size(target, channel, item.key) != nil { return }
        let temporary = Files.parent(of: target) + "/.tmp-" + digest
        var handle = try resume(temporary, item, channel)
        if handle == nil {
            try makeFolders(Files.parent(of: target), channel)
            handle = try resume(temporary, item, channel)
        }
        guard let handle else { throw MLError(.io, "cannot write '\(item.key)' on \(name)") }
        do {
            defer { release(handle, channel) }
            // Not known to every server, and refused by some file systems: then the rename has to do.
            if channel.canFlush {
                _ = try channel.ask(.extended) {
                    $0.string("fsync@openssh.com")
                    $0.string(handle)
                }
            }
        }
        // Version 3 says that a rename fails when the target exists; OpenSSH makes it a hard link for that.
        let renamed = try channel.ask(.rename) {
            $0.string(temporary)
            $0.string(target)
        }
        if try status(renamed) == .ok { return }
        guard try size(target, channel, item.key) != nil else {
            return try expect(renamed, [.ok], "write", item.key)
        }
        // Somebody else was first.
        try expect(channel.ask(.remove) { $0.string(temporary) }, [.ok, .noSuchFile], "clean up after", item.key)
    }

    /// Writes the whole file under its temporary name, behind what is there of it already.
    ///
    /// - Returns: the open file; nil when there is no such folder.
    private func resume(_ temporary: String, _ item: StorageItem, _ channel: SFTPChannel) throws -> [UInt8]? {
        let file = try FileHandle(reading: item.file)
        let total = try file.status().size
        for _ in 0..<2 {
            let answer = try channel.ask(.open) {
                $0.string(temporary)
                $0.number(SFTPMessage.OpenFlags([.read, .write, .create]).rawValue)
                $0.number(0)
            }
            guard answer.kind == .handle else {
                try expect(answer, [.noSuchFile], "write", item.key)
                return nil
            }
            var reader = SFTPReader(answer.bytes)
            let handle = try reader.string()
            do {
                let size = try attributes(channel.ask(.fileStatus) { $0.string(handle) }, item.key)?.size ?? 0
                let present = Int64(clamping: size)
                let checked = max(0, present - Int64(SFTPStorage.compared))..<present
                if try present <= total
                    && read(handle, checked, channel, item.key)
                        == file.read(count: Int(checked.upperBound - checked.lowerBound), at: checked.lowerBound)
                {
                    if present > 0 { Trace.note("goes on with \(item.key) at byte \(present)") }
                    try write(file, present..<total, to: handle, channel, item.key)
                    return handle
                }
            } catch {
                release(handle, channel)
                throw error
            }
            // Never cut short in place: it may just have become somebody's finished file.
            release(handle, channel)
            try expect(channel.ask(.remove) { $0.string(temporary) }, [.ok, .noSuchFile], "replace", item.key)
        }
        throw MLError(.io, "what an earlier upload of '\(item.key)' left on \(name) cannot be replaced")
    }

    private func write(
        _ file: FileHandle, _ range: Range<Int64>, to handle: [UInt8], _ channel: SFTPChannel, _ key: String
    ) throws {
        var waiting: [SFTPChannel.Pending] = []
        var position = range.lowerBound
        while position < range.upperBound || !waiting.isEmpty {
            if position < range.upperBound, waiting.count < SFTPStorage.window {
                let count = Int(min(Int64(channel.payload), range.upperBound - position))
                let bytes = try file.read(count: count, at: position)
                waiting.append(
                    try channel.start(.write) {
                        $0.string(handle)
                        $0.large(UInt64(position))
                        $0.string(bytes)
                    })
                position += Int64(count)
                Line.passed(count)
            } else {
                try expect(channel.answer(waiting.removeFirst()), [.ok], "write", key)
            }
        }
    }

    private func makeFolders(_ folder: String, _ channel: SFTPChannel) throws {
        var path = folder.hasPrefix("/") ? "" : "."
        for part in folder.split(separator: "/") where part != "." {
            path += "/" + part
            let answer = try channel.ask(.makeFolder) {
                $0.string(path)
                $0.number(0)
            }
            // It is there already, or may not be made: what follows will show.
            try expect(answer, [.ok, .failure, .permissionDenied], "make folder", path)
        }
    }

    // MARK: - Reading

    private func read(
        _ handle: [UInt8], _ range: Range<Int64>, _ channel: SFTPChannel, _ key: String
    ) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Int(range.upperBound - range.lowerBound))
        var waiting: [(request: SFTPChannel.Pending, part: Range<Int>)] = []
        func ask(_ part: Range<Int>) throws {
            let request = try channel.start(.read) {
                $0.string(handle)
                $0.large(UInt64(range.lowerBound) + UInt64(part.lowerBound))
                $0.number(UInt32(part.count))
            }
            waiting.append((request, part))
        }
        var position = 0
        while position < bytes.count || !waiting.isEmpty {
            if position < bytes.count, waiting.count < SFTPStorage.window {
                let end = min(position + channel.payload, bytes.count)
                try ask(position..<end)
                position = end
                continue
            }
            let (request, part) = waiting.removeFirst()
            let answer = try channel.answer(request)
            guard answer.kind == .data else {
                if try status(answer) == .endOfFile {
                    throw MLError(.corrupt, "'\(key)' on \(name) ends before byte \(range.upperBound)")
                }
                try expect(answer, [], "read", key)
                continue
            }
            var reader = SFTPReader(answer.bytes)
            let got = try reader.string()
            guard !got.isEmpty, got.count <= part.count else {
                throw MLError(.io, "\(name) sent \(got.count) bytes instead of \(part.count)")
            }
            Line.passed(got.count)
            bytes.replaceSubrange(part.lowerBound..<part.lowerBound + got.count, with: got)
            if got.count < part.count { try ask(part.lowerBound + got.count..<part.upperBound) }
        }
        return bytes
    }

    private func openFile(
        _ path: String, _ flags: SFTPMessage.OpenFlags, _ channel: SFTPChannel, _ key: String
    ) throws -> [UInt8] {
        let answer = try channel.ask(.open) {
            $0.string(path)
            $0.number(flags.rawValue)
            $0.number(0)
        }
        try expect(answer, [], "read", key)
        var reader = SFTPReader(answer.bytes)
        return try reader.string()
    }

    private func release(_ handle: [UInt8], _ channel: SFTPChannel) {
        _ = try? channel.start(.close) { $0.string(handle) }
    }

    private func size(_ path: String, _ channel: SFTPChannel, _ key: String) throws -> Int64? {
        let found = try attributes(channel.ask(.status) { $0.string(path) }, key)
        return found.flatMap { $0.isFolder ? nil : Int64(clamping: $0.size ?? 0) }
    }

    private func attributes(
        _ answer: SFTPChannel.Answer, _ key: String
    ) throws -> (size: UInt64?, isFolder: Bool)? {
        guard answer.kind == .attributes else {
            try expect(answer, [.noSuchFile], "look at", key)
            return nil
        }
        var reader = SFTPReader(answer.bytes)
        return try reader.attributes()
    }

    // MARK: - Answers

    private func status(_ answer: SFTPChannel.Answer) throws -> SFTPMessage.Status? {
        guard answer.kind == .answerStatus else { return nil }
        var reader = SFTPReader(answer.bytes)
        return SFTPMessage.Status(rawValue: try reader.number())
    }

    /// Takes an answer that carries something, or a status that is expected; throws for any other status.
    private func expect(
        _ answer: SFTPChannel.Answer, _ expected: [SFTPMessage.Status], _ verb: String, _ key: String
    ) throws {
        guard answer.kind == .answerStatus else { return }
        var reader = SFTPReader(answer.bytes)
        let status = SFTPMessage.Status(rawValue: try reader.number())
        if let status, expected.contains(status) { return }
        let words = (try? reader.string()).map { String(decoding: $0, as: UTF8.self) } ?? ""
        switch status {
        case .noSuchFile: throw MLError(.notFound, "\(name) has no '\(key)'")
        case .permissionDenied:
            throw MLError(
                .failed, "\(name) refuses to \(verb) '\(key)': permission denied",
                hint: "give your user on that machine the right to, or use another folder")
        default:
            throw MLError(
                .io, "\(name) cannot \(verb) '\(key)'\(words.isEmpty ? "" : ": \(words)")",
                hint: "is there space left, and is the folder writable?")
        }
    }

    // MARK: - Connections

    /// Runs on the connection; on a new one when it was lost.
    private func retrying<T>(_ body: (SFTPChannel) throws -> T) throws -> T {
        var backoff = Backoff()
        for attempt in 1... {
            var used: SFTPChannel?
            do {
                let channel = try connect()
                used = channel
                return try body(channel)
            } catch let error as MLError where error.code == .io && attempt < SFTPStorage.tries {
                // A "no" about a file comes over a line that works.
                if let used, used.isAlive { throw error }
                mutex.withLock { if open === used { open = nil } }
                Trace.note("again (\(attempt)) after: \(error)")
                backoff.pause()
            }
        }
        throw MLError(.io, "cannot reach \(name)")
    }

    private func connect() throws -> SFTPChannel {
        try mutex.withLock {
            if let open { return open }
            if configured == nil {
                let answer = try git?.start(["config", "core.sshCommand"])
                configured = answer.map { String($0.text.prefix { $0 != "\n" }) } ?? ""
            }
            let command = SSHCommand(configured: configured ?? "")
            let line = command.line(port: address.port, isLasting: true, ["-s", address.destination, "sftp"])
            let channel = try SFTPChannel(line, name: name, directory: git?.directory, patience: patience)
            open = channel
            return channel
        }
    }

    /// A key must stay below the folder, whatever a hostile index says.
    private func path(_ key: String) throws -> String {
        guard !key.hasPrefix("/"), !key.split(separator: "/").contains("..") else {
            throw MLError(.invalidInput, "'\(key)' is no valid key")
        }
        return address.path + "/" + key
    }

    /// A name that a file's content and key decide.
    private static func digest(_ item: StorageItem) throws -> String {
        var hasher = SHA256Hasher()
        Array((item.key + "\0").utf8).withUnsafeBytes { hasher.update($0) }
        try FileHandle(reading: item.file).forEachPiece { hasher.update($0) }
        return String(hasher.finish().hex.prefix(32))
    }
}
