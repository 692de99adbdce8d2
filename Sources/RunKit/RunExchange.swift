import Base
import GitKit
import Glibc

/// Carries records and notes between repositories, joining both sides.
public struct RunExchange: Sendable {
    private let repository: Repository

    public init(_ repository: Repository) { self.repository = repository }

    private static let references = [RecordStore.reference, NoteBook.reference]

    /// Fetches what others recorded, beside the local refs; readers join both.
    public func fetch(_ remote: String) throws {
        for reference in RunExchange.references {
            // A glob, so that a remote that has none yet is no error.
            try repository.git.run(
                [
                    "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--refmap=", remote,
                    "+\(reference)*:\(tracking(reference, remote))*",
                ])
        }
    }

    /// Joins everything that was fetched into the local refs, so that plain `git notes` and `git log` see it too.
    public func joinFetched() throws {
        for name in try repository.references(matching: "refs/mlrun/remotes/*") where name.hasSuffix("/records") {
            if let tip = repository.reference(name) { try RefJoin.join(tip, into: RecordStore.reference, repository) }
        }
        for name in try repository.references(matching: "refs/notes/remotes/*") where name.hasSuffix("/mlrun") {
            if let tip = repository.reference(name) { try RefJoin.join(tip, into: NoteBook.reference, repository) }
        }
    }

    /// Joins with the remote and pushes, again when somebody else was faster.
    ///
    /// - Parameter onlyMoved: leaves out what is as the remote had it when last seen, without asking the remote.
    /// - Returns: names of refs that were moved.
    /// - Throws: `MLError(.failed)` with git's words when the remote does not take them.
    @discardableResult
    public func push(_ remote: String, onlyMoved: Bool = false) throws -> [String] {
        let local = RunExchange.references.filter {
            guard let tip = repository.reference($0) else { return false }
            return !onlyMoved || repository.reference(tracking($0, remote)) != tip
        }
        if local.isEmpty { return [] }
        for attempt in 0..<10 {
            try fetch(remote)
            var moved: [String] = []
            for reference in local {
                let theirs = repository.reference(tracking(reference, remote))
                if let theirs { try RefJoin.join(theirs, into: reference, repository) }
                if repository.reference(reference) != theirs { moved.append(reference) }
            }
            if moved.isEmpty { return [] }
            let answer = try repository.git.start(
                ["push", "--quiet", "--no-verify", remote] + moved.map { "\($0):\($0)" })
            if answer.status == 0 {
                for reference in moved {
                    guard let tip = repository.reference(reference) else { continue }
                    try repository.git.run(["update-ref", tracking(reference, remote), tip.hex])
                }
                return moved
            }
            let words = answer.errorText
            // Both spellings of "somebody was faster": seen before the push, and while it took place.
            guard
                words.contains("fetch first") || words.contains("non-fast-forward") || words.contains("cannot lock ref")
                    || words.contains("stale info") || words.contains("failed to update ref")
            else {
                throw MLError(
                    .failed,
                    "records and notes could not be pushed to '\(remote)': "
                        + (words.split(separator: "\n").last.map(String.init) ?? "git push failed"),
                    hint: "they are kept here; 'git mlrun push' tries again")
            }
            usleep(UInt32.random(in: 10_000...(50_000 * UInt32(attempt + 1))))
        }
        throw MLError(.conflict, "others keep pushing records to '\(remote)'", hint: "'git mlrun push' tries again")
    }

    private func tracking(_ reference: String, _ remote: String) -> String {
        // A URL is no part of a ref name.
        let name = remote.contains("/") || remote.contains(":") ? String(ObjectID.of(remote).hex.prefix(12)) : remote
        return reference == NoteBook.reference
            ? "refs/notes/remotes/\(name)/mlrun" : "refs/mlrun/remotes/\(name)/records"
    }
}
