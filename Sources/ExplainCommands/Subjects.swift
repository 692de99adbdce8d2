import ArgumentParser
import Base
import CommandKit
import DataKit
import ModelKit
import TextModels

/// A text to explain, and its true label if known.
struct Subject: Sendable {
    var text: String
    var trueLabel: String?
    /// The row of the data file it stands in, from 1.
    var row: Int?
}

/// The texts the user means.
struct SubjectOptions: ParsableArguments {
    @Option(
        parsing: .unconditionalSingleValue, help: ArgumentHelp("A text to explain; repeat for more.", valueName: "text")
    )
    var text: [String] = []
    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp("The second text of a pair, one for each --text.", valueName: "text")
    )
    var pair: [String] = []
    @Option(
        help: ArgumentHelp(
            "A file with a text a line, or with a column 'text'; - is standard input.", valueName: "file"))
    var file: String?
    @Option(help: ArgumentHelp("A labelled data file: REV:PATH or PATH.", valueName: "file")) var data: String?
    @Option(
        parsing: .upToNextOption,
        help: ArgumentHelp("Rows of the data, the first is 1; 5-20 is a range, all are all.", valueName: "n"))
    var row: [String] = []
    @Option(help: ArgumentHelp("The true label, to show beside the predicted one.", valueName: "label")) var trueLabel:
        String?

    /// - Parameter standardRows: how many rows of the data are taken when none is named.
    func read(
        _ loaded: ModelLoader.Loaded, _ repository: DataRepository?, _ ui: UserInterface, standardRows: Int
    ) throws -> [Subject] {
        guard data != nil || row.isEmpty else {
            throw MLError(.usage, "--row says which rows of --data, and there is none")
        }
        guard pair.isEmpty || pair.count == text.count else {
            throw MLError(
                .usage, "\(text.count) texts and \(pair.count) second texts do not go together",
                hint: "give a --pair for each --text")
        }
        var subjects = text.enumerated().map { place, text in
            Subject(text: pair.isEmpty ? text : Dataset.pair(text, pair[place]), trueLabel: trueLabel)
        }
        if let file {
            let bytes =
                try file == "-" ? FileHandle(borrowing: 0, path: "standard input").readToEnd() : Files.read(file)
            let column = DataLoader(data: repository, provenance: loaded.provenance, progress: ui.progress).pairColumn
            let texts =
                if let column, FileKind(file) != nil {
                    try Rows(parsing: bytes, name: file, columns: ["text", column]).values
                        .map { Dataset.pair($0[0], $0[1]) }
                } else { try Dataset.texts(parsing: bytes, name: file) }
            if texts.isEmpty {
                throw MLError(
                    .invalidInput, "\(file == "-" ? "standard input" : "'\(file)'") holds no text",
                    hint: "it should have a text a line, or a column 'text'")
            }
            subjects += texts.map { Subject(text: $0, trueLabel: trueLabel) }
        }
        if let data {
            let loader = DataLoader(data: repository, provenance: loaded.provenance, progress: ui.progress)
            let set = try loader.dataset(data, at: Files.exists(data) ? nil : loaded.commit?.id.hex)
            let rows = try rows(set.count, place: data, standard: standardRows)
            if row.isEmpty, rows.count < set.count {
                ui.status("The first \(rows.count) of \(set.count) rows; --row all takes all")
            }
            for row in rows {
                subjects.append(Subject(text: set.texts[row - 1], trueLabel: set.labels[row - 1], row: row))
            }
        }
        if subjects.isEmpty {
            throw MLError(
                .usage, "which text?", hint: "give --text \"…\", --file FILE or --data REV:PATH --row N")
        }
        return subjects
    }

    private func rows(_ count: Int, place: String, standard: Int) throws -> [Int] {
        if row.isEmpty { return Array(1...max(1, min(standard, count))) }
        return try row.flatMap { $0.split(separator: ",") }.flatMap { word -> [Int] in
            if word == "all" { return Array(1...count) }
            let ends = word.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
            guard (1...2).contains(ends.count), let first = ends[0], let last = ends[ends.count - 1], first <= last
            else {
                throw MLError(.usage, "'\(word)' is no row", hint: "rows are numbers, ranges such as 5-20, or 'all'")
            }
            for row in [first, last] where !(1...count).contains(row) {
                throw MLError(.invalidInput, "'\(place)' has no row \(row)", hint: "it has rows 1 to \(count)")
            }
            return Array(first...last)
        }
    }
}
