import Base
import DataDiff
import DataKit

/// The forms of a comparison for programs.
enum DiffDocument {
    /// DVC's four lists, each file with its ids and sizes, and `content` where it was looked into.
    ///
    /// - Parameter contents: nil to leave contents alone.
    static func json(_ comparison: DataComparison, _ contents: ContentComparer?) throws -> JSON {
        var lists: [String: [JSON]] = [:]
        for entry in comparison.entries {
            var object: JSONObject = [:]
            switch entry.state {
            case .renamed:
                object["path"] = ["old": .string(entry.old?.path ?? ""), "new": .string(entry.path)]
                object["similarity"] = entry.similarity.map { JSON($0) } ?? .null
            default: object["path"] = .string(entry.path)
            }
            switch (entry.old, entry.new) {
            case (let old?, let new?):
                object["oid"] = ["old": .string(old.oid.hex), "new": .string(new.oid.hex)]
                object["size"] = ["old": .integer(old.size), "new": .integer(new.size)]
                if old.isTracked != new.isTracked {
                    object["tracked"] = ["old": .bool(old.isTracked), "new": .bool(new.isTracked)]
                }
            case (let file?, nil), (nil, let file?):
                object["oid"] = .string(file.oid.hex)
                object["size"] = .integer(file.size)
            case (nil, nil): break
            }
            if let contents {
                switch try contents.compare(entry) {
                case .difference(let difference): object["content"] = difference.json
                case .notLocal: object["content"] = ["kind": "not local"]
                case .none: break
                }
            }
            lists[key(entry.state), default: []].append(.object(object))
        }
        var document: JSONObject = ["version": 1]
        for key in ["added", "deleted", "modified", "renamed", "unmerged"] { document[key] = .array(lists[key] ?? []) }
        return .object(document)
    }

    private static func key(_ state: DataComparison.State) -> String {
        switch state {
        case .added: "added"
        case .deleted: "deleted"
        case .modified, .typeChanged: "modified"
        case .renamed: "renamed"
        case .unmerged: "unmerged"
        }
    }

    /// `X old-oid new-oid old-size new-size`, a tab, the path; of a renamed file the old path, a tab, the new one. With
    /// -z a NUL stands for each tab and line feed. What is not there is `-`.
    static func line(_ entry: DataComparison.Entry, _ quoting: DiffQuoting) -> String {
        let separator = quoting.nul ? "\0" : "\t"
        let words = [
            entry.state.rawValue, entry.old?.oid.hex ?? "-", entry.new?.oid.hex ?? "-",
            entry.old.map { String($0.size) } ?? "-", entry.new.map { String($0.size) } ?? "-",
        ]
        let names = entry.state == .renamed ? [entry.old?.path ?? "", entry.path] : [entry.path]
        return ([words.joined(separator: " ")] + names.map(quoting.name)).joined(separator: separator) + quoting.end
    }
}
