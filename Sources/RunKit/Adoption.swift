import Base
import GitKit
import Pipelines
import Records

extension RunRepository {
    /// Records values for a commit.
    ///
    /// - Returns: the line of the commit's note.
    @discardableResult
    public func attach(_ values: RecordedValues, to commit: Commit, context: RunContext, sequence: Int64) throws
        -> String
    {
        var context = context
        context.tree = commit.tree.hex
        context.commit = commit.id.hex
        try records.append(
            Attachment.record(
                values, context: context, time: Timestamp.now(), sequence: sequence, patch: patchID(commit)))
        guard let joined = try records.attached(toTree: commit.tree) else { return "" }
        let line = NoteLine(joined).text
        try notes.add([(commit.id, line)])
        return line
    }

    /// Takes values back that were recorded for a commit: a tombstone stands for each record, and what else such a record
    /// held is recorded again.
    public func detach(_ names: Set<String>, from commit: Commit) throws {
        let hit = try records.attachments(toTree: commit.tree).filter { record in
            !names.isDisjoint(with: RecordedValues(record).names)
        }
        try records.remove(hit)
        let rest = hit.compactMap { record -> RunRecord? in
            let values = RecordedValues(record).without(names)
            return values.isEmpty ? nil : record.replacing(values)
        }
        try records.append(rest)
        if let joined = try records.attached(toTree: commit.tree) {
            try notes.add([(commit.id, NoteLine(joined).text)])
        } else {
            try notes.remove(stage: Attachment.stage, from: commit.id)
        }
    }

    /// Gives commits what was recorded for another commit with the same change: after a rebase onto other files, a
    /// cherry-pick, a squash. (Commits with the same files share it anyway.)
    func adoptAttachments(_ commits: [Commit]) throws {
        let bare = try commits.filter { try $0.parents.count < 2 && records.attached(toTree: $0.tree) == nil }
        if bare.isEmpty { return }
        let attached = try records.attachments()
        if attached.isEmpty { return }
        let bySource = Dictionary(grouping: attached) { $0.context.commit ?? "" }
        var byPatch: [String: [RunRecord]] = [:]
        for record in attached {
            if let patch = record.unknown["patch_id"]?.stringValue { byPatch[patch, default: []].append(record) }
        }
        var moved: [RunRecord] = []
        for commit in bare {
            guard let patch = try patchID(commit) else { continue }
            let sources = try byPatch[patch] ?? squashed(commit, patch, bySource)
            moved += sources.map { Attachment.moved($0, toTree: commit.tree.hex, commit: commit.id.hex) }
        }
        try records.append(moved)
    }

    /// Records of a commit whose whole branch has the change of this one commit.
    private func squashed(_ commit: Commit, _ patch: String, _ sources: [String: [RunRecord]]) throws -> [RunRecord] {
        guard let parent = commit.parents.first else { return [] }
        for (hex, records) in sources {
            guard let tip = GitID(hex), repository.contains(tip), tip != commit.id,
                let base = repository.mergeBase(parent, tip), base != tip,
                try repository.patchID(from: repository.commit(base.hex).tree, to: repository.commit(hex).tree) == patch
            else { continue }
            return records
        }
        return []
    }

    /// The id of a commit's change against its first parent; nil for merges and empty commits.
    private func patchID(_ commit: Commit) throws -> String? {
        if commit.parents.count > 1 { return nil }
        let parent = try commit.parents.first.map { try repository.commit($0.hex).tree }
        return try repository.patchID(from: parent, to: commit.tree)
    }
}
