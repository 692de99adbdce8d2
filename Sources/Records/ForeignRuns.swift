import Base
import Pipelines

/// Reads what other trackers leave in the file system: metrics with their steps, and params.
public enum ForeignRuns {
    /// Reads a DVCLive folder, an MLflow run folder (or a folder of one such run), TensorBoard event files, or a JSON,
    /// YAML, CSV or TSV file of metrics.
    ///
    /// - Throws: `MLError(.notFound)` when nothing is there, `MLError(.invalidInput)` for what is none of these.
    public static func read(_ path: String) throws -> RecordedValues {
        guard Files.exists(path) else { throw MLError(.notFound, "'\(path)' does not exist") }
        if !Files.isDirectory(path) { return try file(path) }
        if Files.isDirectory(path + "/metrics"), Files.exists(path + "/meta.yaml") { return try mlflowRun(path) }
        if Files.exists(path + "/metrics.json") || Files.isDirectory(path + "/plots/metrics") {
            return try dvclive(path)
        }
        let below = try allFiles(below: path)
        let events = below.filter { Files.lastComponent(of: $0).contains("tfevents") }
        if !events.isEmpty {
            var values = RecordedValues()
            for event in events { values.add(try EventFile.read(path + "/" + event)) }
            return values
        }
        // mlruns holds experiments, experiments hold runs.
        let runs = below.filter { $0.hasSuffix("/meta.yaml") }.map { path + "/" + Files.parent(of: $0) }
            .filter { Files.isDirectory($0 + "/metrics") }
        if runs.count == 1 { return try mlflowRun(runs[0]) }
        if let first = runs.first {
            throw MLError(
                .invalidInput, "'\(path)' holds \(runs.count) MLflow runs", hint: "name one, such as '\(first)'")
        }
        throw MLError(
            .invalidInput, "'\(path)' is neither a DVCLive folder nor an MLflow run nor TensorBoard events")
    }

    private static func file(_ path: String) throws -> RecordedValues {
        if Files.lastComponent(of: path).contains("tfevents") { return try EventFile.read(path) }
        var values = RecordedValues()
        let bytes = try Files.read(path)
        if path.hasSuffix(".csv") || path.hasSuffix(".tsv") {
            for row in try PlotData.read(bytes, name: path).enumerated() {
                let step = row.element["step"]?.intValue ?? row.offset
                for (name, value) in row.element.pairs where name != "step" && value.doubleValue != nil {
                    values.add(name, value, step: Int64(step))
                }
            }
        } else {
            values.metrics = try Metrics.load(bytes, name: path)
        }
        return values
    }

    /// `metrics.json`, `params.yaml` and `plots/metrics/NAME.tsv` (columns `step` and the metric; `timestamp` may be there).
    private static func dvclive(_ folder: String) throws -> RecordedValues {
        var values = RecordedValues()
        let plots = folder + "/plots/metrics"
        for path in Files.isDirectory(plots) ? try allFiles(below: plots) : [] where path.hasSuffix(".tsv") {
            let name = String(path.dropLast(".tsv".count))
            for (index, row) in try PlotData.read(Files.read(plots + "/" + path), name: path).enumerated() {
                guard let value = row[Files.lastComponent(of: name)], value.doubleValue != nil else { continue }
                values.add(name, value, step: Int64(row["step"]?.intValue ?? index))
            }
        }
        if Files.exists(folder + "/metrics.json") {
            // `{"train": {"loss": …}}` is what the file `train/loss.tsv` holds.
            for (key, value) in try Metrics.load(Files.read(folder + "/metrics.json"), name: "metrics.json").pairs {
                let name = String(key.map { $0 == "." ? "/" : $0 })
                values.metrics[values.steps[name] != nil ? name : key] = value
            }
        }
        if Files.exists(folder + "/params.yaml") {
            for (key, value) in Params.flatten(
                try Params.load(Files.read(folder + "/params.yaml"), name: "params.yaml"))
            {
                values.params[key] = value
            }
        }
        return values
    }

    /// `metrics/NAME` with lines `milliseconds value step`, `params/NAME` with the value.
    private static func mlflowRun(_ folder: String) throws -> RecordedValues {
        var values = RecordedValues()
        for name in try allFiles(below: folder + "/metrics") {
            for line in try Files.readText(folder + "/metrics/" + name).split(separator: "\n") {
                let parts = line.split(separator: " ")
                guard parts.count >= 2 else {
                    throw MLError(.invalidInput, "'\(folder)/metrics/\(name)' is no MLflow metric: '\(line)'")
                }
                values.add(name, RecordedValues.value(String(parts[1])), step: parts.count > 2 ? Int64(parts[2]) : nil)
            }
        }
        // One step is no series.
        for (name, series) in values.steps.pairs where (series.arrayValue?.count ?? 0) < 2 { values.steps[name] = nil }
        for name in Files.isDirectory(folder + "/params") ? try allFiles(below: folder + "/params") : [] {
            values.params[name] = RecordedValues.value(try Files.readText(folder + "/params/" + name))
        }
        return values
    }

    /// Paths of regular files, relative to the folder; symbolic links are not followed.
    private static func allFiles(below folder: String) throws -> [String] {
        try Files.list(folder).flatMap { name -> [String] in
            guard let status = Files.status(folder + "/" + name) else { return [] }
            if status.isDirectory { return try allFiles(below: folder + "/" + name).map { name + "/" + $0 } }
            return status.isRegular ? [name] : []
        }
    }
}
