import Base

/// Paths relative to the top of the repository, with `/`, without `.` and `..`; the top itself is `.`.
///
/// Everything here works on bytes: Swift's characters would glue a `/` to a combining mark behind it.
public enum RepositoryPath {
    /// `path` as written in a file whose paths start at `folder`.
    ///
    /// - Throws: `MLError(.invalidInput)` for absolute paths, URLs, and paths that leave the repository.
    public static func normalize(_ path: String, in folder: String) throws -> String {
        guard !path.isEmpty else { throw MLError(.invalidInput, "a path is empty") }
        guard path.utf8.first != slash, !path.utf8.starts(with: "~/".utf8) else {
            throw MLError(
                .invalidInput, "the path '\(path)' is not relative; paths outside the repository are not supported")
        }
        guard !path.contains("://") else {
            throw MLError(.invalidInput, "the path '\(path)' is a URL; only files in the repository are supported")
        }
        guard !path.utf8.contains(0), !path.utf8.contains(10) else {
            throw MLError(.invalidInput, "the path '\(path)' contains a line break or a zero byte")
        }
        var parts = folder == "." ? [] : components(folder)
        for part in components(path) where part != "." {
            if part == ".." {
                guard parts.popLast() != nil else {
                    throw MLError(.invalidInput, "the path '\(path)' leaves the repository")
                }
            } else {
                parts.append(part)
            }
        }
        if parts.first == ".git" { throw MLError(.invalidInput, "the path '\(path)' is inside '.git'") }
        return parts.isEmpty ? "." : parts.joined(separator: "/")
    }

    /// The folder a file is in; `.` at the top.
    public static func folder(of path: String) -> String { Files.parent(of: path) }

    /// Whether `path` is `folder` or lies inside it.
    public static func isInside(_ path: String, _ folder: String) -> Bool {
        if folder == "." { return true }
        let path = path.utf8
        let folder = folder.utf8
        guard path.starts(with: folder) else { return false }
        return path.count == folder.count || path.dropFirst(folder.count).first == slash
    }

    /// The folders above `path`, nearest first, without the top.
    static func ancestors(of path: String) -> [String] {
        var result: [String] = []
        var current = path
        while let cut = current.utf8.lastIndex(of: slash) {
            current = String(current[..<cut])
            result.append(current)
        }
        return result
    }

    /// `path` as somebody standing in `folder` would write it.
    public static func relative(_ path: String, to folder: String) -> String {
        let from = folder == "." ? [] : components(folder)
        let to = path == "." ? [] : components(path)
        let common = zip(from, to).prefix { $0 == $1 }.count
        let parts = Array(repeating: "..", count: from.count - common) + to.dropFirst(common)
        return parts.isEmpty ? "." : parts.joined(separator: "/")
    }

    private static let slash = UInt8(ascii: "/")

    private static func components(_ path: String) -> [String] {
        path.utf8.split(separator: slash).map { String(Substring($0)) }
    }
}
