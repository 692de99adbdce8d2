import Base
import CommandKit
import DataDiff
import DataKit
import Reports

/// A comparison for people: a line a file, under it what changed inside.
struct DiffListing {
    private let ui: UserInterface
    private let quoting: DiffQuoting

    init(_ ui: UserInterface, _ quoting: DiffQuoting) {
        self.ui = ui
        self.quoting = quoting
    }

    /// - Parameter contents: nil to show sizes only.
    func show(_ comparison: DataComparison, _ contents: ContentComparer?) throws {
        if comparison.entries.isEmpty { return ui.print("No tracked file differs.") }
        let names = comparison.entries.map(name)
        let width = names.map { TextWidth.columns($0) }.max() ?? 0
        for (entry, name) in zip(comparison.entries, names) {
            let letter = style(entry.state).apply(entry.state.rawValue, colour: ui.terminal.colors)
            let sizes = sizes(entry)
            let padded = sizes.isEmpty ? name : TextWidth.pad(name, to: width, alignment: .left) + "  " + sizes
            ui.print("\(letter)  \(padded)")
            for line in try details(entry, contents) { ui.print("       " + TextWidth.escapingControls(line)) }
        }
        ui.print(total(comparison))
    }

    private func name(_ entry: DataComparison.Entry) -> String {
        guard entry.state == .renamed, let old = entry.old else { return quoting.name(entry.path) }
        return quoting.name(old.path) + " -> " + quoting.name(entry.path)
    }

    private func sizes(_ entry: DataComparison.Entry) -> String {
        switch (entry.old, entry.new) {
        case (let old?, let new?) where old.oid != new.oid:
            "\(Quantity.bytes(old.size)) -> \(Quantity.bytes(new.size))"
        case (_, let file?), (let file?, nil): Quantity.bytes(file.size)
        case (nil, nil): ""
        }
    }

    private func details(_ entry: DataComparison.Entry, _ contents: ContentComparer?) throws -> [String] {
        var lines: [String] = []
        if let old = entry.old, let new = entry.new, old.isTracked != new.isTracked, old.size > 0, new.size > 0 {
            lines.append(new.isTracked ? "now tracked" : "no longer tracked: Git keeps the content itself")
        }
        if let share = entry.similarity, share < 1 {
            lines.append("\(Quantity.percentage(share, decimals: 0)) similar")
        }
        if entry.state == .unmerged { lines.append("in conflict: git mldata checkout --ours|--theirs|--base -- PATH") }
        switch try contents?.compare(entry) {
        case .difference(let difference): lines += difference.summary()
        case .notLocal: lines.append("content not local (--fetch brings it)")
        default: break
        }
        return lines
    }

    private func total(_ comparison: DataComparison) -> String {
        let words: [(DataComparison.State, String)] = [
            (.added, "added"), (.deleted, "deleted"), (.modified, "modified"), (.renamed, "renamed"),
            (.typeChanged, "type changed"), (.unmerged, "in conflict"),
        ]
        let counts = words.compactMap { state, word -> String? in
            let count = comparison.entries.count { $0.state == state }
            return count == 0 ? nil : "\(Quantity.grouped(count)) \(word)"
        }
        let change = comparison.entries.reduce(Int64(0)) { $0 + ($1.new?.size ?? 0) - ($1.old?.size ?? 0) }
        return counts.joined(separator: ", ") + "; \(change < 0 ? "-" : "+")\(Quantity.bytes(abs(change)))"
    }

    private func style(_ state: DataComparison.State) -> Style {
        switch state {
        case .added: Style(colour: .green)
        case .deleted, .unmerged: Style(colour: .red)
        case .modified, .typeChanged: Style(colour: .yellow)
        case .renamed: Style(colour: .cyan)
        }
    }
}
