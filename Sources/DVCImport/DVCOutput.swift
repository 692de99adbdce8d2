import Base

/// What DVC keeps outside of Git: a file or a folder, named by its MD5.
public struct DVCOutput: Hashable, Sendable {
    /// From the top of the repository.
    public var path: String
    /// Of the file, or of the folder's manifest.
    public var hash: DVCHash
    public var isFolder: Bool
    /// As noted; nil in old files.
    public var size: Int64?
    public var isExecutable: Bool
}

/// An MD5 as DVC counts it.
public struct DVCHash: Hashable, Sendable {
    /// 32 hex digits.
    public var md5: String
    /// Made by DVC 1 or 2: text files are hashed with their CRLF line ends as LF.
    public var isLegacy: Bool

    public init(md5: String, isLegacy: Bool) {
        self.md5 = md5
        self.isLegacy = isLegacy
    }

    /// Where an object lies in a cache or remote folder: `files/md5/aa/bbb…` since DVC 3, `aa/bbb…` before.
    public func paths(isFolder: Bool) -> [String] {
        let name = "\(md5.prefix(2))/\(md5.dropFirst(2))" + (isFolder ? ".dir" : "")
        return isLegacy ? [name, "files/md5/" + name] : ["files/md5/" + name, name]
    }

    /// Whether a file's content has this hash, read in pieces.
    public func matches(_ path: String) throws -> Bool {
        let file = try FileHandle(reading: path)
        // DVC 2 decides in every piece of this length anew what is text; DVC 1 did once.
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
        defer { buffer.deallocate() }
        var plain = MD5Hasher()
        var once = MD5Hasher()
        var each = MD5Hasher()
        var startsAsText: Bool?
        while true {
            let count = try file.read(into: buffer)
            if count == 0 { break }
            let piece = UnsafeRawBufferPointer(rebasing: buffer[..<count])
            plain.update(piece)
            if isLegacy {
                let isText = DVCHash.isText(UnsafeRawBufferPointer(rebasing: piece.prefix(512)))
                let decided = startsAsText ?? isText
                startsAsText = decided
                let unix = isText || decided ? DVCHash.withUnixLines(piece) : []
                if decided { once.update(unix) } else { once.update(piece) }
                if isText { each.update(unix) } else { each.update(piece) }
            }
        }
        return plain.finish() == md5 || isLegacy && (each.finish() == md5 || once.finish() == md5)
    }

    /// DVC's guess (dvc_data/hashfile/istextfile.py): no NUL, and at most 30% outside of printable ASCII and white space.
    private static func isText(_ block: UnsafeRawBufferPointer) -> Bool {
        var odd = 0
        for byte in block {
            switch byte {
            case 0: return false
            case 0x20...0x7E, 0x0A, 0x0D, 0x09, 0x0C, 0x08: break
            default: odd += 1
            }
        }
        return Double(odd) <= 0.3 * Double(block.count)
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
}

/// The list of a folder's files, which DVC keeps as an object of its own.
public enum DVCManifest {
    /// - Returns: paths below the folder and the hash of each file.
    /// - Throws: `MLError(.corrupt)` for what is no manifest, or would write outside of the folder.
    public static func parse(_ bytes: [UInt8], isLegacy: Bool, name: String) throws -> [(path: String, hash: DVCHash)] {
        guard let list = try? JSON(parsing: bytes).arrayValue else {
            throw MLError(.corrupt, "'\(name)' is not a DVC folder manifest")
        }
        return try list.map { entry in
            guard let path = entry["relpath"]?.stringValue, let md5 = entry["md5"]?.stringValue, isMD5(md5) else {
                throw MLError(.corrupt, "'\(name)' is not a DVC folder manifest")
            }
            guard let inside = DVCPath.normalise(path), !path.hasPrefix("/"), !inside.isEmpty else {
                throw MLError(.corrupt, "'\(name)' names '\(path)', which is outside of its folder")
            }
            return (inside, DVCHash(md5: md5, isLegacy: isLegacy))
        }
    }

    static func isMD5(_ text: String) -> Bool { text.utf8.count == 32 && Hex.decode(text) != nil }
}

/// Paths as DVC writes them.
public enum DVCPath {
    /// Without `.` and `..`; nil when it leaves the folder it starts from, or leads into Git's own.
    public static func normalise(_ path: String) -> String? {
        var parts: [Substring] = []
        for part in path.split(separator: "/") where part != "." {
            if part.lowercased() == ".git" { return nil }
            if part != ".." {
                parts.append(part)
            } else if parts.popLast() == nil {
                return nil
            }
        }
        return parts.joined(separator: "/")
    }
}
