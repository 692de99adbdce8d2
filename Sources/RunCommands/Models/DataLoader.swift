import Base
import CommandKit
import DataKit
import TextModels

/// Reads labelled texts from the work tree or from a commit.
struct DataLoader {
    let data: DataRepository?
    let progress: any ProgressReporter
    var textColumn = "text"
    var labelColumn = "label"

    /// - Parameters:
    ///   - place: a path, or `REV:PATH`.
    ///   - tree: where plain paths are looked up when given: paths from the top of that commit.
    func bytes(_ place: String, at revision: String? = nil) throws -> [UInt8] {
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

    func dataset(_ places: [String], at revision: String? = nil) throws -> Dataset {
        try places.reduce(into: Dataset()) { all, place in all = try all + dataset(place, at: revision) }
    }

    func dataset(_ place: String, at revision: String? = nil) throws -> Dataset {
        try Dataset(parsing: bytes(place, at: revision), name: place, textColumn: textColumn, labelColumn: labelColumn)
    }

    /// `data/imdb.test.tsv` is called `imdb.test`.
    static func name(_ place: String) -> String {
        let file = Files.lastComponent(of: place.split(separator: ":").last.map(String.init) ?? place)
        guard let dot = file.lastIndex(of: "."), dot != file.startIndex else { return file }
        return String(file[..<dot])
    }
}
