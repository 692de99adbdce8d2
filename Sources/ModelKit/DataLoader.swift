import Base
import DataKit
import TextModels

/// Reads labelled texts from the work tree or from a commit.
public struct DataLoader {
    private let data: DataRepository?
    private let progress: any ProgressReporter
    public var textColumn: String
    public var labelColumn: String
    /// The column of the second text, for models of pairs.
    public var pairColumn: String?

    /// - Parameters:
    ///   - data: nil outside a repository.
    ///   - provenance: what a model remembers of its data, for the names of the columns.
    public init(data: DataRepository?, provenance: JSON = .null, progress: any ProgressReporter) {
        self.data = data
        self.progress = progress
        textColumn = provenance["data"]?["text"]?.stringValue ?? "text"
        labelColumn = provenance["data"]?["label"]?.stringValue ?? "label"
        pairColumn = provenance["data"]?["pair"]?.stringValue
    }

    /// The bytes of a file.
    ///
    /// - Parameters:
    ///   - place: a path, or `REV:PATH`.
    ///   - revision: where a plain path is looked up: from the top of that commit; nil for the work tree.
    public func bytes(_ place: String, at revision: String? = nil) throws -> [UInt8] {
        var path = place
        var revision = revision
        if !Files.exists(place), let colon = place.firstIndex(of: ":"), colon != place.startIndex {
            revision = String(place[..<colon])
            path = String(place[place.index(after: colon)...])
        }
        guard let revision, let data else { return try Files.read(path) }
        let commit = try data.repository.commit(revision)
        return try data.content(ofTree: commit.tree, path: path, revision: revision) {
            try Downloader(data).require($0, progress: progress)
        }
    }

    /// The labelled texts of several files, one after the other.
    public func dataset(_ places: [String], at revision: String? = nil) throws -> Dataset {
        try places.reduce(into: Dataset()) { all, place in all = try all + dataset(place, at: revision) }
    }

    /// The labelled texts of a file.
    public func dataset(_ place: String, at revision: String? = nil) throws -> Dataset {
        try Dataset(
            parsing: bytes(place, at: revision), name: place, textColumn: textColumn, labelColumn: labelColumn,
            pairColumn: pairColumn)
    }

    /// `data/imdb.test.tsv` is called `imdb.test`.
    public static func name(_ place: String) -> String {
        let file = Files.lastComponent(of: place.split(separator: ":").last.map(String.init) ?? place)
        guard let dot = file.lastIndex(of: "."), dot != file.startIndex else { return file }
        return String(file[..<dot])
    }
}
