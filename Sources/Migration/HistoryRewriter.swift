import Base
import GitKit

/// Writes new commits for old ones: new trees, mapped parents, every other byte as it was (author, dates, message, encoding).
///
/// Signatures of commits that change, and tags quoted in merges, are dropped: they would vouch for something else.
final class HistoryRewriter {
    private let batch: ObjectBatch
    /// New ids of the commits looked at, in their order; unchanged ones map to themselves.
    private(set) var map: [GitID: GitID] = [:]
    private(set) var order: [GitID] = []
    private(set) var droppedSignatures = 0

    init(_ batch: ObjectBatch) { self.batch = batch }

    func rewrite(_ commits: [GitID], _ editor: any TreeEditor, progress: any ProgressReporter) throws {
        for (index, id) in commits.enumerated() {
            var header = try batch.withObject(id, .commit) { RawHeader(parsing: $0) }
            guard let tree = header.ids("tree").first else { throw MLError(.corrupt, "commit \(id) has no tree") }
            let newTree = try editor.rewrite(root: tree)
            let isChanged = newTree != tree || header.ids("parent").contains { map[$0] ?? $0 != $0 }
            order.append(id)
            if isChanged {
                header.replaceIDs("tree") { _ in newTree }
                header.replaceIDs("parent") { map[$0] ?? $0 }
                let before = header.fields.count
                header.fields.removeAll { ["gpgsig", "gpgsig-sha256", "mergetag"].contains($0.key) }
                if header.fields.count < before { droppedSignatures += 1 }
                map[id] = try batch.write(.commit, header.encoded)
            } else {
                map[id] = id
            }
            progress.report("Rewriting commits", completed: index + 1, total: commits.count, detail: "")
        }
    }

    /// What a ref's object becomes: a commit by the map, an annotated tag with its object mapped.
    func rewrite(target: GitID) throws -> GitID {
        guard batch.header(target)?.kind == .tag else { return map[target] ?? target }
        var header = try batch.withObject(target, .tag) { RawHeader(parsing: $0) }
        guard let object = header.ids("object").first else { return target }
        let new = try rewrite(target: object)
        if new == object { return target }
        header.replaceIDs("object") { _ in new }
        let mark = Array("-----BEGIN ".utf8)
        var message: [[UInt8]] = []
        for line in header.message.split(separator: 0x0A, omittingEmptySubsequences: false) {
            // A tag's signature stands at the end of its message.
            if line.starts(with: mark) {
                droppedSignatures += 1
                message.append([])
                break
            }
            message.append(Array(line))
        }
        header.message = Array(message.joined(separator: [0x0A]))
        return try batch.write(.tag, header.encoded)
    }
}
