import ArgumentParser
import Base
import CommandKit
import DataKit

/// `git mlrun status --cloud`: the tracked files of the index, compared with a remote store, in DVC's words.
struct CloudStatus {
    /// The remote store; the default one when nil.
    var store: String?

    func show(_ session: RunSession, json: Bool, exitCode: Bool, isQuiet: Bool) throws {
        let status = try RemoteStatus(session.data.pointersInIndex(), session.data)
        guard
            let place = status.places.first(where: {
                $0.name != nil && (store == nil ? $0.role == "default" : $0.name == store)
            })
        else {
            throw MLError(
                .notFound,
                store.map { "there is no remote store '\($0)'" } ?? "there is no remote store to compare with",
                hint: "'git mldata remote list' shows them, 'git mldata remote add --default NAME URL' adds one")
        }
        if let failure = place.failure { throw failure }
        let here = Set(status.places.first { $0.name == nil }?.missing.map(\.pointer.oid) ?? [])
        let there = Set(place.missing.map(\.pointer.oid))
        var states = JSONObject()
        for file in try session.data.pointersInIndex() {
            let (isMissing, isNew) = (here.contains(file.pointer.oid), there.contains(file.pointer.oid))
            if isMissing || isNew { states[file.path] = isMissing ? isNew ? "missing" : "deleted" : "new" }
        }
        if isQuiet {
            if !states.isEmpty { throw ExitCode(ExitStatus.negative) }
            return
        }
        if json {
            session.ui.write(JSON.object(states).compact() + "\n")
        } else if states.isEmpty {
            session.ui.print("Cache and remote '\(place.name ?? "")' are in sync.")
        }
        for (path, state) in json ? [] : states.pairs {
            let word = (state.stringValue ?? "") + ":"
            session.ui.print("\t\(word)\(String(repeating: " ", count: max(1, 20 - word.count)))\(path)")
        }
        if exitCode && !states.isEmpty { throw ExitCode(ExitStatus.negative) }
    }
}
