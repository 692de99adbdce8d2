import Glibc

/// Plain file system calls that throw with the path and the system's own words.
public enum Files {
    /// What `stat` knows that this project uses.
    public struct Status: Hashable, Sendable {
        public var size: Int64
        public var mode: UInt32
        public var modifiedSeconds: Int64
        public var modifiedNanoseconds: Int64
        public var changedSeconds: Int64
        public var changedNanoseconds: Int64
        public var device: UInt64
        public var inode: UInt64
        public var user: UInt32
        public var group: UInt32
        /// How many names the file has.
        public var links: UInt64

        public var isDirectory: Bool { mode & S_IFMT == S_IFDIR }
        public var isRegular: Bool { mode & S_IFMT == S_IFREG }
        public var isSymbolicLink: Bool { mode & S_IFMT == S_IFLNK }
        public var isExecutable: Bool { mode & 0o100 != 0 }
    }

    /// The status of `path` itself (symbolic links are not followed); nil when nothing is there.
    public static func status(_ path: String) -> Status? {
        var raw = stat()
        guard path.withPath({ lstat($0, &raw) }) == 0 else { return nil }
        return Status(raw)
    }

    /// The status of what `path` leads to through symbolic links; nil when that is nothing.
    public static func targetStatus(_ path: String) -> Status? {
        var raw = stat()
        guard stat(path, &raw) == 0 else { return nil }
        return Status(raw)
    }

    public static func exists(_ path: String) -> Bool { status(path) != nil }

    public static func isDirectory(_ path: String) -> Bool {
        var raw = stat()
        return path.withPath { stat($0, &raw) } == 0 && raw.st_mode & S_IFMT == S_IFDIR
    }

    /// The whole content of a file.
    public static func read(_ path: String) throws -> [UInt8] {
        let descriptor = try FileHandle(reading: path)
        return try descriptor.readToEnd()
    }

    /// The whole content as text.
    ///
    /// - Throws: `MLError(.invalidInput)` when the bytes are not UTF-8.
    public static func readText(_ path: String) throws -> String {
        guard let text = String(validating: try read(path), as: UTF8.self) else {
            throw MLError(.invalidInput, "'\(path)' is not UTF-8 text")
        }
        return text
    }

    /// Replaces `path` with `bytes` in one step: a reader sees the old file or the new one, never a part.
    ///
    /// Temp file beside it, fsync, rename, fsync of the folder. A device or a pipe is just written to.
    public static func writeAtomically(_ bytes: [UInt8], to path: String, mode: mode_t = 0o666) throws {
        if isSpecial(path) { return try FileHandle(appendingTo: path).writeAll(bytes) }
        let temporary = temporaryName(beside: path)
        do {
            let file = try FileHandle(creating: temporary, mode: mode)
            try file.writeAll(bytes)
            try file.synchronize()
            try file.close()
            try rename(temporary, to: path)
        } catch {
            _ = temporary.withPath { unlink($0) }
            throw error
        }
        synchronizeDirectory(parent(of: path))
    }

    public static func writeAtomically(_ text: String, to path: String, mode: mode_t = 0o666) throws {
        try writeAtomically(Array(text.utf8), to: path, mode: mode)
    }

    /// Copies a file's content: streamed into a temporary name beside the target, flushed, renamed, so that a cut copy is
    /// never visible.
    public static func copy(_ source: String, to target: String) throws {
        let temporary = temporaryName(beside: target)
        do {
            let input = try FileHandle(reading: source)
            let output = try FileHandle(creating: temporary)
            let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
            defer { buffer.deallocate() }
            while true {
                let count = try input.read(into: buffer)
                if count == 0 { break }
                try output.writeAll(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            }
            try output.synchronize()
            try output.close()
            try rename(temporary, to: target)
        } catch {
            try? remove(temporary)
            throw error
        }
        synchronizeDirectory(parent(of: target))
    }

    /// Whether a device, a pipe or a socket is there, directly or behind a symbolic link: to be written to, not replaced.
    public static func isSpecial(_ path: String) -> Bool {
        var raw = stat()
        return path.withPath { stat($0, &raw) } == 0 && raw.st_mode & S_IFMT != S_IFREG
            && raw.st_mode & S_IFMT != S_IFDIR
    }

    /// - Throws: `MLError(.invalidInput)` for a target that is no file, such as `/dev/null`.
    public static func rename(_ from: String, to: String) throws {
        if isSpecial(to) {
            throw MLError(.invalidInput, "'\(to)' is a device or a pipe, not a file", hint: "name a file")
        }
        guard from.withPath({ from in to.withPath { Glibc.rename(from, $0) } }) == 0 else {
            throw ioError("cannot rename '\(from)' to '\(to)'")
        }
    }

    public static func makeDirectories(_ path: String) throws {
        if path.withPath({ mkdir($0, 0o777) }) == 0 { return }
        // Looking whether it is there changes errno.
        let reason = errno
        if isDirectory(path) { return }
        let above = parent(of: path)
        if reason == ENOENT, above != path {
            try makeDirectories(above)
            if path.withPath({ mkdir($0, 0o777) }) == 0 { return }
            let second = errno
            if isDirectory(path) { return }
            errno = second
        } else {
            errno = reason
        }
        throw ioError("cannot create folder '\(path)'")
    }

    /// Names in a folder, sorted by bytes, without `.` and `..`. A folder that does not exist has none.
    public static func list(_ path: String) throws -> [String] {
        guard let handle = path.withPath({ opendir($0) }) else {
            if errno == ENOENT { return [] }
            throw ioError("cannot list '\(path)'")
        }
        defer { closedir(handle) }
        var names: [String] = []
        while let entry = readdir(handle) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                String(
                    path: UnsafeRawBufferPointer(
                        start: $0, count: strlen(UnsafeRawPointer($0).assumingMemoryBound(to: CChar.self))))
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    /// The absolute path without `.`, `..` and symbolic links; the file must exist.
    public static func realPath(_ path: String) throws -> String {
        guard let resolved = path.withPath({ realpath($0, nil) }) else { throw ioError("cannot find '\(path)'") }
        defer { free(resolved) }
        return String(path: UnsafeRawBufferPointer(start: resolved, count: strlen(resolved)))
    }

    /// Removes a file or a whole folder; what is not there is not an error.
    public static func remove(_ path: String) throws {
        guard let status = status(path) else { return }
        if status.isDirectory {
            for name in try list(path) { try remove(path + "/" + name) }
            guard path.withPath({ rmdir($0) }) == 0 || errno == ENOENT else { throw ioError("cannot remove '\(path)'") }
        } else {
            guard path.withPath({ unlink($0) }) == 0 || errno == ENOENT else {
                throw ioError("cannot remove '\(path)'")
            }
        }
    }

    public static func parent(of path: String) -> String {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    public static func lastComponent(of path: String) -> String {
        path.split(separator: "/").last.map(String.init) ?? path
    }

    /// `path` as seen from `base`, unless it is absolute.
    public static func join(_ base: String, _ path: String) -> String {
        if path.hasPrefix("/") || base.isEmpty || base == "." { return path }
        return base.hasSuffix("/") ? base + path : base + "/" + path
    }

    /// A name in the same folder that no other process or thread uses.
    public static func temporaryName(beside path: String) -> String {
        let unique = UInt64.random(in: 0...UInt64.max)
        return join(parent(of: path), ".tmp-\(getpid())-\(String(unique, radix: 36))")
    }

    /// Makes a rename durable. Some file systems cannot; that is no reason to fail.
    public static func synchronizeDirectory(_ path: String) {
        let descriptor = path.withPath { open($0, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
        guard descriptor >= 0 else { return }
        fsync(descriptor)
        close(descriptor)
    }

    /// An error with the system's words for the current `errno`.
    public static func ioError(_ message: String) -> MLError {
        let number = errno
        let code: MLError.Code = number == ENOENT || number == ENOTDIR ? .notFound : .io
        var hints: [String] = []
        if number == ENOSPC || number == EDQUOT {
            hints = ["free some space and run the command again; nothing was lost"]
        }
        return MLError(code, "\(message): \(String(cString: strerror(number)))", hints: hints)
    }
}

extension Files.Status {
    init(_ raw: stat) {
        self.init(
            size: Int64(raw.st_size), mode: raw.st_mode,
            modifiedSeconds: Int64(raw.st_mtim.tv_sec), modifiedNanoseconds: Int64(raw.st_mtim.tv_nsec),
            changedSeconds: Int64(raw.st_ctim.tv_sec), changedNanoseconds: Int64(raw.st_ctim.tv_nsec),
            device: UInt64(raw.st_dev), inode: UInt64(raw.st_ino), user: raw.st_uid, group: raw.st_gid,
            links: UInt64(raw.st_nlink))
    }
}

extension Files {
    /// What a symbolic link points to, as raw bytes.
    public static func linkTarget(_ path: String) throws -> [UInt8] {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = path.withPath { readlink($0, &buffer, buffer.count) }
        guard count >= 0 else { throw ioError("cannot read the link '\(path)'") }
        return buffer[..<count].map { UInt8(bitPattern: $0) }
    }

    /// Creates a symbolic link.
    public static func makeLink(_ path: String, target: [UInt8]) throws {
        let text = target.map { CChar(bitPattern: $0) } + [0]
        guard path.withPath({ symlink(text, $0) }) == 0 else { throw ioError("cannot create the link '\(path)'") }
    }
}
