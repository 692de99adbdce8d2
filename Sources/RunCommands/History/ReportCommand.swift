import ArgumentParser
import Base
import CommandKit
import GitKit
import Records
import Reports
import RunKit

struct ReportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report", abstract: "Write Markdown for a pull request: what changed in metrics, params and data.",
        discussion: """
            Examples:
              git mlrun report                       HEAD against the branch it will be merged into
              git mlrun report main HEAD --plots report
              git mlrun report v1.0 v2.0 -o report.md
            """)
    @Argument(help: ArgumentHelp("The base (default: where HEAD left the remote's main branch).", valueName: "a"))
    var first: String?
    @Argument(help: ArgumentHelp("What is judged (default: HEAD).", valueName: "b")) var second = "HEAD"
    @Option(help: ArgumentHelp("Write the plots as SVG files into this folder and show them.", valueName: "dir"))
    var plots: String?
    @Option(name: .shortAndLong, help: ArgumentHelp("Write to a file.", valueName: "file")) var out: String?
    @Flag(help: "Print JSON: {version, base, head, params, metrics, data, gates}.") var json = false
    @OptionGroup var common: CommonOptions

    func run() throws {
        let session = try RunSession(common)
        let head = try session.repository.commit(second)
        let base = try first.map { try session.repository.commit($0) } ?? defaultBase(head, session)
        let sides = try [base, head].map { try DiffSide(revision: $0.id.hex, session) }
        let diff = DiffSide.compare(sides[0], sides[1])
        let gates = try session.runs.gates(of: head)
        let results = gates.isEmpty ? [] : try GateKeeper(session).judge(head, gates, base: base.id.hex)
        if json {
            return session.ui.write(
                JSON.object([
                    "version": 1, "base": .string(base.id.hex), "head": .string(head.id.hex),
                    "params": diff.params.json,
                    "metrics": diff.metrics.json, "data": diff.data.json, "gates": .array(results.map(\.json)),
                ]).pretty())
        }
        let links = Links(session)
        var text = "## \(links.commit(head)) against \(links.commit(base))\n\n"
        let view = DiffView(title: "Metric", old: base.id.short, new: head.id.short, hasChange: true)
        text += section("Metrics", view.table(DiffSide.compare(sides[0], sides[1], includesEqual: true).metrics))
        if !results.isEmpty {
            let rows = results.map { result in
                [
                    result.violations.isEmpty ? "met" : "**not met**", result.metric, ValueText.spell(result.value),
                    result.violations.joined(separator: "; "),
                ]
            }
            text += "### Gates\n\n" + markdown(["Gate", "Metric", "Value", "Why"], rows)
        }
        text += section(
            "Params",
            DiffView(title: "Param", old: base.id.short, new: head.id.short, hasChange: false).table(diff.params))
        text += section("Data", diff.dataTable(base.id.short, head.id.short))
        text += try seeds(session)
        text += try draw(base, head, session)
        if let out {
            try Files.writeAtomically(text, to: out)
        } else {
            session.ui.write(text)
        }
    }

    /// The merge base with the branch of origin that HEAD will go to, else the parent.
    private func defaultBase(_ head: Commit, _ session: RunSession) throws -> Commit {
        for name in [
            "refs/remotes/origin/HEAD", "refs/remotes/origin/main", "refs/remotes/origin/master", "refs/heads/main",
        ] {
            guard let tip = session.repository.reference(name), let base = session.repository.mergeBase(tip, head.id),
                base != head.id
            else { continue }
            return try session.repository.commit(base.hex)
        }
        guard let parent = head.parents.first else {
            throw MLError(.notFound, "'\(second)' has no commit before it to compare with")
        }
        return try session.repository.commit(parent.hex)
    }

    private func section(_ title: String, _ table: PlainTable) -> String {
        table.rows.isEmpty ? "" : "### \(title)\n\n" + table.markdown()
    }

    private func markdown(_ titles: [String], _ rows: [[String]]) -> String {
        // Cells with markup of our own: escaped where the words are not ours.
        let lines = rows.map { "| " + $0.joined(separator: " | ") + " |" }
        let rule = "|" + titles.map { _ in " --- |" }.joined()
        return (["| " + titles.joined(separator: " | ") + " |", rule] + lines).joined(separator: "\n") + "\n\n"
    }

    /// Experiments with several seeds, as mean and interval.
    private func seeds(_ session: RunSession) throws -> String {
        let entries = try session.runs.experiments.list().filter { $0.state == .done }.map(\.entry)
        let groups = SeedGroups(entries.filter { $0.params["seed"] != nil }, seed: "seed")
        let several = groups.groups.filter { $0.count > 1 }
        if several.isEmpty { return "" }
        var table = PlainTable(groups.params + ["Seeds"] + groups.metrics)
        for group in several {
            table.rows.append(
                groups.params.map { ValueText.spell(group.params[$0]) } + [String(group.count)]
                    + groups.metrics.map { name in
                        guard let value = group.metrics[name] else { return "-" }
                        let margin = value.margin.map { " ± " + ValueText.spell(.number($0)) } ?? ""
                        return ValueText.spell(.number(value.mean)) + margin
                    })
        }
        return "### Seeds (mean ± 95 % interval)\n\n" + table.markdown()
    }

    private func draw(_ base: Commit, _ head: Commit, _ session: RunSession) throws -> String {
        guard let plots else { return "" }
        let sides = try [base, head].map { try PlotsOptions.side($0.id.hex, session) }.enumerated().map { index, side in
            var side = side
            side.name = index == 0 ? "base" : "head"
            return side
        }
        let figures = try PlotReader().figures(sides, targets: []) { _ in }
        if figures.isEmpty { return "" }
        try Files.makeDirectories(plots)
        var text = "### Plots\n\n"
        for (index, figure) in figures.enumerated() {
            let name = "plot-\(index + 1).svg"
            try Files.writeAtomically(PlotSVG.draw(figure), to: Files.join(plots, name))
            let title = figure.title.filter { !"[]()\n".contains($0) }
            text += "![\(title)](\(Files.join(plots, name)))\n"
        }
        return text + "\n"
    }
}

/// Where a commit can be looked at, when the remote is a known kind of address.
private struct Links {
    private let web: String?

    init(_ session: RunSession) {
        let answer = try? session.repository.git.start(["remote", "get-url", "origin"])
        web = answer.flatMap { $0.status == 0 ? Links.web(String($0.text.dropLast())) : nil }
    }

    func commit(_ commit: Commit) -> String {
        web.map { "[`\(commit.id.short)`](\($0)/commit/\(commit.id.hex))" } ?? "`\(commit.id.short)`"
    }

    /// `git@host:owner/name.git` and `https://host/owner/name.git` as `https://host/owner/name`; credentials stay out.
    private static func web(_ address: String) -> String? {
        var rest = address
        if let scheme = ["https://", "ssh://"].first(where: { rest.hasPrefix($0) }) {
            rest = String(rest.dropFirst(scheme.count))
        } else if rest.contains("@"), let colon = rest.firstIndex(of: ":"), !rest.hasPrefix("/") {
            rest.replaceSubrange(colon...colon, with: "/")
        } else {
            return nil
        }
        if let at = rest.firstIndex(of: "@") { rest = String(rest[rest.index(after: at)...]) }
        if rest.hasSuffix(".git") { rest = String(rest.dropLast(4)) }
        return rest.allSatisfy { $0.isLetter || $0.isNumber || "-._/~:".contains($0) } ? "https://" + rest : nil
    }
}
