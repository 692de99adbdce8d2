import Base
import DataKit
import GitKit
import ObjectStore

/// Takes a work tree from a commit to its rewritten form: files whose content stays are not written, and git need not read
/// them again.
struct WorkTreeSwitch {
    private let data: DataRepository
    private let refs: [String]
    private let top: String?

    init(_ data: DataRepository, refs: [String]) throws {
        self.data = data
        self.refs = refs
        top = data.repository.workTree
    }

    /// - Throws: `MLError(.conflict)` when something would be lost or left behind.
    func requireClean() throws {
        try requireNoOtherWorkTree()
        guard let top else { return }
        let git = data.repository.git
        let changes = try git.run(["status", "--porcelain", "--untracked-files=no"]).text.split(separator: "\n")
        if let first = changes.first {
            throw MLError(
                .conflict, "the work tree has changes: '\(first.dropFirst(3))'",
                hint: "commit them, or put them away with 'git stash'")
        }
        for name in ["MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "rebase-merge", "rebase-apply", "BISECT_LOG"]
        where Files.exists(data.repository.gitDirectory + "/" + name) {
            throw MLError(
                .conflict, "another operation is in progress (\(name))", hint: "finish it, or abort it, first")
        }
        let isTracked = try !git.run(["ls-files", "--", ":(top).gitattributes"]).output.isEmpty
        if !isTracked, Files.exists(top + "/.gitattributes") {
            throw MLError(
                .conflict, "'.gitattributes' is not committed and would be overwritten",
                hint: "commit it, or move it away")
        }
    }

    private func requireNoOtherWorkTree() throws {
        let listing = try data.repository.git.run(["worktree", "list", "--porcelain"]).text
        for block in listing.split(separator: "\n\n") {
            let lines = block.split(separator: "\n").map(String.init)
            guard let path = lines.first?.dropFirst("worktree ".count), String(path) != (top ?? String(path)),
                let branch = lines.first(where: { $0.hasPrefix("branch ") })?.dropFirst("branch ".count),
                refs.contains(String(branch)), !lines.contains("bare")
            else { continue }
            throw MLError(
                .conflict, "branch '\(branch.dropFirst("refs/heads/".count))' is checked out in '\(path)'",
                hint: "remove that work tree with 'git worktree remove', and run the command again")
        }
    }

    /// Brings index and files from one tree to the other.
    func update(from old: GitID, to new: GitID, progress: any ProgressReporter) throws {
        guard let top else { return }
        let git = data.repository.git
        let changes = try changes(old, new)
        // Entries that are the same in both keep their stat data.
        try git.run(["read-tree", "-m", new.hex])
        let index = try IndexFile(path: data.repository.indexPath).entriesByPath()
        for change in changes where change.new == nil { try Files.remove(top + "/" + change.path) }
        let present = changes.filter { $0.new != nil && index[$0.path]?.skipWorktree != true }
        // Attributes decide how the others are written.
        let attributes = Set(present.map(\.path).filter { Files.lastComponent(of: $0) == ".gitattributes" })
        try checkOut(attributes.sorted())
        let converted = try convertedPaths(changes.map(\.path))
        var plain: [String] = []
        var same: [String: Files.Status] = [:]
        var expected: [String: GitID] = [:]
        for change in present where !attributes.contains(change.path) {
            let path = top + "/" + change.path
            if let pointer = try change.pointer(data), !converted.contains(change.path),
                let status = Files.status(path), status.isRegular, status.size == pointer.size,
                try ObjectID.ofFile(path) == pointer.oid
            {
                same[change.path] = status
                expected[change.path] = change.new
            } else {
                plain.append(change.path)
            }
        }
        if !same.isEmpty { try IndexFile.refresh(path: data.repository.indexPath, same, expected: expected) }
        try checkOut(plain)
        _ = try git.start(["update-index", "-q", "--refresh"])
        let synchroniser = try Synchroniser(data)
        _ = try synchroniser.fill(synchroniser.candidates(plain), progress: progress)
    }

    private func checkOut(_ paths: [String]) throws {
        if paths.isEmpty { return }
        let input: [UInt8] = paths.flatMap { path -> [UInt8] in path.pathBytes + [0] }
        try data.repository.git.run(["checkout-index", "--force", "--index", "-z", "--stdin"], input: input)
    }

    /// Files whose bytes in the work tree differ from those in the commit: line ends, encodings, expanded keywords.
    private func convertedPaths(_ paths: [String]) throws -> Set<String> {
        var converted: Set<String> = []
        let text = try data.repository.attribute("text", of: paths)
        let automatic = data.configuration["core.autocrlf"].map { $0.lowercased() != "false" } ?? false
        for path in paths where text[path].map({ $0 != "unset" }) ?? automatic { converted.insert(path) }
        for name in ["eol", "ident", "working-tree-encoding"] {
            for (path, value) in try data.repository.attribute(name, of: paths) where value != "unset" {
                if name != "eol" || text[path] != "unset" { converted.insert(path) }
            }
        }
        return converted
    }

    private struct Change {
        var path: String
        var old: GitID?
        var new: GitID?

        /// The pointer on either side.
        func pointer(_ data: DataRepository) throws -> Pointer? {
            for id in [old, new] {
                if let id, let pointer = try data.pointer(id) { return pointer }
            }
            return nil
        }
    }

    private func changes(_ old: GitID, _ new: GitID) throws -> [Change] {
        let output = try data.repository.git.run(["diff-tree", "-r", "-z", "--no-renames", old.hex, new.hex]).output
        let fields = output.split(separator: 0).map { String(path: $0) }
        return stride(from: 0, to: fields.count - 1, by: 2).map { index in
            let words = fields[index].split(separator: " ")
            func id(_ position: Int) -> GitID? {
                words.count > position ? GitID(words[position]).flatMap { $0.isZero ? nil : $0 } : nil
            }
            return Change(path: fields[index + 1], old: id(2), new: id(3))
        }
    }
}
