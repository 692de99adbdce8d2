import ArgumentParser
import Base
import CommandKit
import Reports
import TextModels

struct Split: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "split",
        abstract: "Split labelled texts into train, dev and test by the hash of each text.",
        discussion: """
            Repeated texts are dropped; the first byte of a text's SHA-256 modulo ten decides: 0 test, 1 dev, else train. So the
            same text is always in the same part, whatever comes before it. Writes DIR/[GROUP.]train.tsv and so on, with the
            columns label and text; tabs and line ends in texts become spaces.

            Example:
              git mlrun split reviews.csv --by source --out data
            """)

    @Argument(help: ArgumentHelp("A .csv, .tsv or .jsonl file.", valueName: "file")) var file: String
    @Option(help: ArgumentHelp("The column with the text.", valueName: "name")) var text = "text"
    @Option(help: ArgumentHelp("The column with the label.", valueName: "name")) var label = "label"
    @Option(help: ArgumentHelp("A column whose values get files of their own.", valueName: "name")) var by: String?
    @Option(help: ArgumentHelp("The folder to write to.", valueName: "dir")) var out = "data"
    @OptionGroup var common: CommonOptions

    func run() throws {
        let ui = try UserInterface(common)
        let rows = try Rows(parsing: Files.read(file), name: file, columns: [text, label] + (by.map { [$0] } ?? []))
        var seen: [String: Set<ObjectID>] = [:]
        var parts: [String: String] = [:]
        var counts: [String: [Int]] = [:]
        var repeated = 0
        for row in rows.values {
            let group = by == nil ? "" : row[2]
            guard !group.contains("/"), group != ".", group != ".." else {
                throw MLError(
                    .invalidInput, "'\(file)': '\(group)' in column '\(by ?? "")' cannot be part of a file name")
            }
            let hash = ObjectID.of(row[0])
            guard seen[group, default: []].insert(hash).inserted else {
                repeated += 1
                continue
            }
            let place = [0: 2, 1: 1][Int(hash.firstByte) % 10] ?? 0
            let name = (group.isEmpty ? "" : group + ".") + ["train", "dev", "test"][place]
            parts[name, default: "label\ttext\n"] += "\(Split.line(row[1]))\t\(Split.line(row[0]))\n"
            counts[group, default: [0, 0, 0]][place] += 1
        }
        try Files.makeDirectories(out)
        for (name, content) in parts { try Files.writeAtomically(content, to: "\(out)/\(name).tsv") }
        var view = TableView(columns: [.text(by ?? "Data"), .number("train"), .number("dev"), .number("test")])
        for (group, numbers) in counts.sorted(by: { $0.key < $1.key }) {
            view.rows.append([group.isEmpty ? file : group] + numbers.map { Quantity.grouped($0) })
        }
        view.show(.terminal, ui)
        if repeated > 0 { ui.status("Dropped \(Quantity.count(repeated, "repeated text")).") }
    }

    private static func line(_ text: String) -> String {
        String(decoding: text.utf8.map { $0 == 9 || $0 == 10 || $0 == 13 ? 32 : $0 }, as: UTF8.self)
    }
}
