import ArgumentParser
import Base
import CommandKit
import DataKit
import GitKit
import Reports

struct Collect: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gc", abstract: "Free the local store of what is not in use and is stored elsewhere.",
        discussion: """
            In use is what any branch, tag, note, stash, index, work tree or unfinished merge needs, in every clone that
            shares the store. What no remote is proven to have stays, whoever uses it.

            With --remote the store of that name is collected instead: what no ref, here or on the Git remotes, has needed
            for the grace period.
            """, aliases: ["prune"])

    @Flag(name: [.customShort("n"), .long], help: "Only say what would go.") var dryRun = false
    @Flag(help: "Keep only what the tips of branches and tags hold; older versions can be fetched again.")
    var tips = false
    @Flag(help: "Also drop unused content that no remote has, once it is older than the grace period.")
    var unpushed = false
    @Option(help: ArgumentHelp("Collect this remote store.", valueName: "store")) var remote: String?
    @Option(help: ArgumentHelp("How long unused content is kept: 14d, 12h, 0.", valueName: "time")) var grace = "14d"
    @OptionGroup var common: CommonOptions

    func run() throws {
        let session = try Session(common)
        guard let seconds = Collect.seconds(grace) else {
            throw MLError(.usage, "--grace needs a time such as 14d, 12h or 30m, not '\(grace)'")
        }
        if let remote { return try collect(remote, seconds, session) }
        let report = try GarbageCollector(session.data).run(
            history: !tips, unpushedOlderThan: unpushed ? seconds : nil, dryRun: dryRun)
        for lost in report.lostSharers {
            session.ui.warning("'\(lost)' shared this store and is not there any more; what only it used is not kept")
        }
        session.ui.summary(
            report.dropped == 0
                ? "Nothing to drop; \(Quantity.count(report.usedFiles, "file")) in use."
                : "\(dryRun ? "Would drop" : "Dropped") \(Quantity.count(report.dropped, "object")), "
                    + "\(Quantity.bytes(report.freedBytes)); \(Quantity.count(report.usedFiles, "file")) in use.")
        if report.unpushed > 0 {
            session.ui.summary(
                "Kept \(Quantity.count(report.unpushed, "unused object")), \(Quantity.bytes(report.unpushedBytes)), that "
                    + (report.remote.map { "\($0) does not have." } ?? "exist nowhere else."))
            session.ui.hint("'git mldata gc --unpushed' drops those that are older than \(grace)")
        }
    }

    private func collect(_ name: String, _ seconds: Int64, _ session: Session) throws {
        let report = try RemoteCollector(session.data).run(store: name, grace: seconds, dryRun: dryRun)
        session.ui.summary(
            report.dropped == 0
                ? "Nothing to drop on \(report.remote); \(Quantity.count(report.usedFiles, "file")) in use."
                : "\(dryRun ? "Would drop" : "Dropped") \(Quantity.count(report.dropped, "object")) from "
                    + "\(report.remote), \(Quantity.bytes(report.freedBytes)).")
        if report.waiting > 0 {
            session.ui.summary(
                "\(Quantity.count(report.waiting, "unused object")), \(Quantity.bytes(report.waitingBytes)), "
                    + "\(report.waiting == 1 ? "is" : "are") in the grace period of \(grace).")
        }
    }

    /// Seconds of `90`, `30m`, `12h`, `14d`, `2w`.
    static func seconds(_ text: String) -> Int64? {
        let units: [Character: Int64] = ["s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800]
        let unit = text.last.flatMap { units[$0] }
        guard let number = Int64(unit == nil ? text[...] : text.dropLast()), number >= 0 else { return nil }
        let (value, overflow) = number.multipliedReportingOverflow(by: unit ?? 1)
        return overflow ? nil : value
    }
}

struct Repack: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "repack",
        abstract: "Join the packs of the local store into one; nothing is dropped.")

    @OptionGroup var common: CommonOptions

    func run() throws {
        let session = try Session(common)
        let store = try session.data.openStore()
        let before = try store.packSummaries()
        if before.count > 1 {
            let result = try store.compact(merge: true) { _ in true }
            if !result.damaged.isEmpty {
                throw MLError(
                    .corrupt, "\(Quantity.count(result.damaged.count, "object")) could not be read and were left out",
                    hint: "'git mldata fsck --repair' brings them back from a remote")
            }
        }
        let after = try store.packSummaries()
        session.ui.summary(
            "\(Quantity.count(before.count, "pack")), now \(after.count): "
                + Quantity.bytes(after.reduce(Int64(0)) { $0 + Int64($1.length) }))
    }
}
