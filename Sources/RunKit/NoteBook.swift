import Base
import GitKit
import Records

/// The readable notes on commits, `refs/notes/mlrun`: an index of records that anybody can rebuild.
public struct NoteBook: Sendable {
    public static let reference = "refs/notes/mlrun"

    private let repository: Repository

    public init(_ repository: Repository) { self.repository = repository }

    /// The note on a commit: the lines of the local ref and of what was fetched; nil when there is none.
    public func read(_ commit: GitID) throws -> String? {
        let names = try [NoteBook.reference] + repository.references(matching: "refs/notes/remotes/*")
        var texts: [[UInt8]] = []
        for name in names where name.hasSuffix("/mlrun") {
            guard let tip = repository.reference(name) else { continue }
            if let entry = try entry(commit, inTree: repository.commit(tip.hex).tree) {
                texts.append(try repository.readBlob(entry.id))
            }
        }
        return texts.isEmpty ? nil : String(decoding: LineUnion.merge(texts), as: UTF8.self)
    }

    /// Adds lines to the notes of commits, all in one step.
    public func add(_ notes: [(commit: GitID, text: String)]) throws {
        if notes.isEmpty { return }
        let subject = notes.count == 1 ? notes[0].commit.short : "\(notes.count) commits"
        try repository.updateTree(ofRef: NoteBook.reference, message: "mlrun: note on \(subject)") { tree in
            var changes: [(path: String, blob: GitID?)] = []
            for (commit, text) in notes {
                let present = try tree.flatMap { try entry(commit, inTree: $0) }
                let lines = LineUnion.merge([
                    try present.map { try repository.readBlob($0.id) } ?? [], Array(text.utf8),
                ])
                changes.append((present?.path ?? NoteBook.path(commit), try repository.writeBlob(lines)))
            }
            return try repository.writeTree(updating: tree, changes)
        }
    }

    /// One level of fan-out, as git writes it from 256 notes on; git reads any depth.
    private static func path(_ commit: GitID) -> String { commit.hex.prefix(2) + "/" + commit.hex.dropFirst(2) }

    private func entry(_ commit: GitID, inTree tree: GitID) throws -> TreeEntry? {
        let hex = commit.hex
        let deep = "\(hex.prefix(2))/\(hex.dropFirst(2).prefix(2))/\(hex.dropFirst(4))"
        for path in [NoteBook.path(commit), hex, deep] {
            if let entry = try repository.entry(inTree: tree, at: path), entry.isRegularFile { return entry }
        }
        return nil
    }
}
