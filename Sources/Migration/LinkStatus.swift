import Base
import Glibc

extension Files {
    /// The status of what a path leads to, symbolic links followed; nil when nothing is there.
    static func followedStatus(_ path: String) -> Files.Status? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return status(String(cString: resolved))
    }
}

extension FileHandle {
    /// How many names the file has: more than one means that a change would show under the others, too.
    func linkCount() throws -> Int {
        var raw = stat()
        guard fstat(descriptor, &raw) == 0 else { throw Files.ioError("cannot stat '\(path)'") }
        return Int(raw.st_nlink)
    }
}
