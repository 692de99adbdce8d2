import Base

/// The MD5 by which DVC knows a file or folder of the work tree (`dvc_data/hashfile/hash.py` and `tree.py`).
public struct DVCDigest: Hashable, Sendable {
    /// 32 hex digits; a folder's end in `.dir`.
    public var md5: String
    /// Bytes of all files.
    public var size: Int64
    /// How many files a folder has; nil for a file.
    public var count: Int?
    public var isExecutable = false
    /// The files of a folder, sorted by path; empty for a file.
    public var entries: [Entry] = []

    /// A file below a folder.
    public struct Entry: Hashable, Sendable {
        public var path: String
        public var md5: String
    }

    /// The list DVC keeps of a folder, as Python's `json.dumps` writes it; its MD5 is the folder's.
    public static func manifest(_ entries: [Entry]) -> [UInt8] {
        let items = entries.map { "{\"md5\": \"\($0.md5)\", \"relpath\": \(asciiText($0.path))}" }
        return Array("[\(items.joined(separator: ", "))]".utf8)
    }

    /// Reads what is at a path; symbolic links are followed.
    ///
    /// - Parameters:
    ///   - isLegacy: as DVC 2 counted: line ends of text files as LF.
    ///   - isIgnored: whether a path below a folder, relative to it, is left out, and whether that path is a folder.
    /// - Returns: nil when nothing is there.
    public static func of(
        _ path: String, isLegacy: Bool = false, isIgnored: (String, Bool) -> Bool = { _, _ in false }
    ) throws -> DVCDigest? {
        guard let status = Files.targetStatus(path) else { return nil }
        if !status.isDirectory {
            return DVCDigest(
                md5: try file(path, isLegacy), size: status.size, isExecutable: status.isExecutable)
        }
        var result = DVCDigest(md5: "", size: 0, count: 0)
        try walk(path, "", isLegacy, isIgnored, &result)
        result.entries.sort { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
        var hasher = MD5Hasher()
        hasher.update(manifest(result.entries))
        result.md5 = hasher.finish() + ".dir"
        result.count = result.entries.count
        return result
    }

    private static func walk(
        _ folder: String, _ prefix: String, _ isLegacy: Bool, _ isIgnored: (String, Bool) -> Bool,
        _ result: inout DVCDigest
    ) throws {
        for name in try Files.list(folder) where ![".git", ".hg", ".dvc"].contains(name) {
            let path = folder + "/" + name
            guard let status = Files.targetStatus(path), !isIgnored(prefix + name, status.isDirectory) else { continue }
            if status.isDirectory {
                // A link to a folder could lead back to where we came from.
                if Files.status(path)?.isSymbolicLink == true { continue }
                try walk(path, prefix + name + "/", isLegacy, isIgnored, &result)
            } else if status.isRegular {
                result.entries.append(Entry(path: prefix + name, md5: try file(path, isLegacy)))
                result.size += status.size
            }
        }
    }

    private static func file(_ path: String, _ isLegacy: Bool) throws -> String {
        let file = try FileHandle(reading: path)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
        defer { buffer.deallocate() }
        var hasher = MD5Hasher()
        while true {
            let count = try file.read(into: buffer)
            let piece = UnsafeRawBufferPointer(rebasing: buffer[..<count])
            if isLegacy, isText(piece.prefix(512)) {
                hasher.update(withUnixLines(piece))
            } else {
                hasher.update(piece)
            }
            if count < buffer.count { return hasher.finish() }
        }
    }

    /// DVC's guess: no NUL, and at most 30% outside of printable ASCII and white space.
    private static func isText(_ block: Slice<UnsafeRawBufferPointer>) -> Bool {
        var odd = 0
        for byte in block {
            switch byte {
            case 0: return false
            case 0x20...0x7E, 0x0A, 0x0D, 0x09, 0x0C, 0x08: break
            default: odd += 1
            }
        }
        return odd * 10 <= block.count * 3
    }

    private static func withUnixLines(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(bytes.count)
        for index in bytes.indices {
            if bytes[index] == 0x0D, index + 1 < bytes.count, bytes[index + 1] == 0x0A { continue }
            out.append(bytes[index])
        }
        return out
    }

    /// JSON text with all but ASCII escaped.
    private static func asciiText(_ text: String) -> String {
        var out = ""
        for scalar in JSON.string(text).compact().unicodeScalars {
            if scalar.isASCII {
                out.unicodeScalars.append(scalar)
                continue
            }
            for unit in String(scalar).utf16 {
                let hex = String(unit, radix: 16)
                out += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            }
        }
        return out
    }
}
