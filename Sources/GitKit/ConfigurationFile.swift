import Base
import CGit2

/// A configuration file of git that is changed in place: comments, order and what others wrote stay.
///
/// One program a setting, as `git config` would have it, costs more than the work behind most commands.
public struct ConfigurationFile: Sendable {
    /// One change.
    public enum Change: Sendable, Equatable {
        /// The key has this value and no other.
        case set(String, String)
        /// The key has this value, too.
        case add(String, String)
    }

    public let path: String

    public init(_ path: String) {
        self.path = path
        LibGit2.start
    }

    /// Calls `body` with keys, normalised, and their values in the order of the file; nil for a key alone.
    func forEach(_ body: (String, String?) throws -> Void) throws {
        var opened: OpaquePointer?
        var iterator: OpaquePointer?
        try LibGit2.check(.invalidInput, "cannot read '\(path)'") {
            git_config_open_ondisk(&opened, path) == 0 ? git_config_iterator_new(&iterator, opened) : -1
        }
        defer {
            git_config_iterator_free(iterator)
            git_config_free(opened)
        }
        var entry: UnsafeMutablePointer<git_config_entry>?
        while git_config_next(&entry, iterator) == 0, let entry {
            // libgit2 reads on in files that this one includes; what they say is theirs.
            if entry.pointee.include_depth > 0 { continue }
            try body(String(cString: entry.pointee.name), entry.pointee.value.map { String(cString: $0) })
        }
    }

    /// Writes changes, each under git's own lock of the file.
    ///
    /// - Throws: `MLError(.conflict)` when another process holds the lock; `MLError(.io)`.
    public func apply(_ changes: [Change]) throws {
        if changes.isEmpty { return }
        var opened: OpaquePointer?
        try LibGit2.check(.io, "cannot open '\(path)'") { git_config_open_ondisk(&opened, path) }
        defer { git_config_free(opened) }
        for change in changes {
            switch change {
            case .set(let key, let value):
                // A key of several values cannot be set; it can be emptied first.
                if git_config_set_string(opened, key, value) == 0 { continue }
                git_config_delete_multivar(opened, key, ".*")
                try LibGit2.check(.io, "cannot write '\(key)' to '\(path)'") {
                    git_config_set_string(opened, key, value)
                }
            case .add(let key, let value):
                // A pattern that no value matches: the new one is added.
                try LibGit2.check(.io, "cannot write '\(key)' to '\(path)'") {
                    git_config_set_multivar(opened, key, "^$never", value)
                }
            }
        }
    }
}
