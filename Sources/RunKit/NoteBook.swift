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
                let old = try present.map { try repository.readBlob($0.id) } ?? []
                let lines = LineUnion.merge([NoteBook.withoutSuperseded(old, by: text), Array(text.utf8)])
                changes.append((present?.path ?? NoteBook.path(commit), try repository.writeBlob(lines)))
            }
            return try repository.writeTree(updating: tree, changes)
        }
    }

    /// Takes the lines of a stage off the note of a commit, with tombstones, so that they stay gone.
    public func remove(stage: String, from commit: GitID) throws {
        guard let text = try read(commit) else { return }
        let lines = LineUnion.lines(of: Array(text.utf8)).filter { NoteLine(parsing: $0)?.stage == stage }
        if lines.isEmpty { return }
        try add([(commit, lines.map { LineUnion.tombstone(for: $0) }.joined(separator: "\n"))])
    }

    /// A line for values recorded one by one holds all that came before it, so it takes the place of the last one.
    private static func withoutSuperseded(_ old: [UInt8], by text: String) -> [UInt8] {
        let fresh = LineUnion.lines(of: Array(text.utf8)).compactMap { NoteLine(parsing: $0) }
        guard let line = fresh.first(where: { $0.stage == Attachment.stage }) else { return old }
        let kept = old.split(separator: 10).filter {
            let other = NoteLine(parsing: String(decoding: $0, as: UTF8.self))
            return other?.stage != Attachment.stage || other?.key != line.key
        }
        return Array(kept.joined(separator: [10]))
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
