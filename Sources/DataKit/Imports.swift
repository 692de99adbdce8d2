import Base
import GitKit

/// Where imported files come from: the committed `.mldata/imports`, in git's configuration syntax.
///
/// ```
/// [import "data/train.tsv"]
///     repository = https://host/team/data.git
///     path = train.tsv
///     rev = main
///     commit = 5f1c…
/// ```
/// A file that came from a plain URL has `url`, and `etag` when the server gave one. Nothing in it is ever executed; it
/// is read when the user asks for `update`.
public struct Imports: Sendable {
    public struct Entry: Hashable, Sendable {
        /// What was imported, relative to the top of this repository: a file or a folder.
        public var target: String
        public var source: Source

        public enum Source: Hashable, Sendable {
            /// A path of another repository. `rev` is what `update` follows, nil for its default branch; `commit` is what
            /// was taken.
            case repository(url: String, path: String, rev: String?, commit: String)
            /// A plain address; `etag` is the server's own word for this version.
            case url(String, etag: String?)
        }

        public init(target: String, source: Source) {
            self.target = target
            self.source = source
        }
    }

    public static let path = ".mldata/imports"
    private let repository: Repository
    private let file: String

    public init(_ repository: Repository) throws {
        self.repository = repository
        file = try repository.requireWorkTree() + "/" + Imports.path
    }

    /// All entries, by target.
    public func entries() throws -> [Entry] {
        let settings = try Configuration(file: file)
        var targets: Set<String> = []
        for key in settings.keys(startingWith: "import.") {
            guard let dot = key.lastIndex(of: ".") else { continue }
            targets.insert(String(key[key.index(key.startIndex, offsetBy: "import.".count)..<dot]))
        }
        return targets.sorted().compactMap { target in
            func value(_ name: String) -> String? { settings["import.\(target).\(name)"] }
            if let url = value("url") { return Entry(target: target, source: .url(url, etag: value("etag"))) }
            guard let url = value("repository"), let path = value("path"), let commit = value("commit") else {
                return nil
            }
            return Entry(
                target: target, source: .repository(url: url, path: path, rev: value("rev"), commit: commit))
        }
    }

    /// Writes an entry in place of the one for the same target.
    public func record(_ entry: Entry) throws {
        try Files.makeDirectories(Files.parent(of: file))
        _ = try repository.git.start(["config", "--file", file, "--remove-section", "import.\(entry.target)"])
        let values: [(String, String?)]
        switch entry.source {
        case .repository(let url, let path, let rev, let commit):
            values = [("repository", url), ("path", path), ("rev", rev), ("commit", commit)]
        case .url(let url, let etag): values = [("url", url), ("etag", etag)]
        }
        for (name, value) in values {
            guard let value else { continue }
            try repository.git.run(["config", "--file", file, "import.\(entry.target).\(name)", value])
        }
    }
}
