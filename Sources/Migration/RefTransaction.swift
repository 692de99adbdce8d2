import Base
import GitKit

/// Moves refs all at once or not at all, and keeps where they were.
struct RefTransaction {
    struct Move: Hashable {
        var name: String
        var old: GitID
        var new: GitID
    }

    let repository: Repository
    private(set) var moves: [Move] = []

    init(_ repository: Repository) { self.repository = repository }

    mutating func move(_ name: String, from old: GitID, to new: GitID) {
        if old != new { moves.append(Move(name: name, old: old, new: new)) }
    }

    /// - Returns: where the old values are: `refs/original/mldata/`, or with a number behind when there are older ones.
    /// - Throws: `MLError(.conflict)` when a ref is not where it was; then none moved.
    func commit(message: String) throws -> String {
        let backup = try freeNamespace()
        var input: [UInt8] = []
        for move in moves {
            input += Array("update \(move.name)\0\(move.new.hex)\0\(move.old.hex)\0".utf8)
            let kept = move.name.hasPrefix("refs/") ? String(move.name.dropFirst("refs/".count)) : move.name
            input += Array("create \(backup)\(kept)\0\(move.old.hex)\0".utf8)
        }
        let answer = try repository.git.start(["update-ref", "-m", message, "--stdin", "-z"], input: input)
        guard answer.status == 0 else {
            throw MLError(
                .conflict, "refs changed meanwhile: \(answer.errorText.split(separator: "\n").first ?? "")",
                hint: "nothing was moved; run the command again")
        }
        return backup
    }

    private func freeNamespace() throws -> String {
        var number = 1
        while true {
            let name = number == 1 ? "refs/original/mldata/" : "refs/original/mldata-\(number)/"
            if try repository.references(matching: name + "*").isEmpty { return name }
            number += 1
        }
    }
}
