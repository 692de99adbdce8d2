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
        // One at a time, a killed one's last step included.
        let lock = try FileHandle(reading: repository.commonDirectory)
        _ = try lock.lock(wait: true)
        let backup = try freeNamespace()
        // Without the last word, which never comes when this process is killed, git drops all of it.
        var input = Array("start\0".utf8)
        for move in moves {
            input += Array("update \(move.name)\0\(move.new.hex)\0\(move.old.hex)\0".utf8)
            let kept = move.name.hasPrefix("refs/") ? String(move.name.dropFirst("refs/".count)) : move.name
            input += Array("create \(backup)\(kept)\0\(move.old.hex)\0".utf8)
        }
        input += Array("commit\0".utf8)
        let answer = try repository.git.finish(
            ["update-ref", "-m", message, "--stdin", "-z"], input: input, lock: lock)
        guard answer.status == 0 else { throw RefTransaction.failure(answer.errorText) }
        return backup
    }

    private static func failure(_ text: String) -> MLError {
        let words = text.split(separator: "\n").first.map(String.init) ?? ""
        let quoted = words.split(separator: "'").filter { $0.hasSuffix(".lock") }
        if let lock = quoted.first(where: { Files.exists(String($0)) }) {
            return MLError(
                .conflict, "cannot move refs: '\(lock)' exists",
                hint: "nothing was moved; wait for the other git process to end, or, if there is none, remove that file"
            )
        }
        return MLError(
            .conflict, "refs changed meanwhile: \(words)", hint: "nothing was moved; run the command again")
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
