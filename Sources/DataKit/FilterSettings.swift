import Base
import GitKit

/// The small file the filter reads instead of asking git: settings that decide what a smudge does.
public enum FilterSettings {
    /// Writes `mldata/filter-config` beside the common Git folder's objects when it does not say the same already.
    public static func write(_ data: DataRepository) throws {
        var lines = ["inlineLimit=\(try data.inlineLimit())", "store=\(data.storeDirectory)"]
        if try data.configuration.bool("mldata.skipDownloadErrors") == true { lines.append("skipDownloadErrors=1") }
        let text = lines.joined(separator: "\n") + "\n"
        let path = data.repository.dataDirectory + "/filter-config"
        if (try? Files.readText(path)) == text { return }
        try Files.makeDirectories(data.repository.dataDirectory)
        try Files.writeAtomically(text, to: path)
    }
}
