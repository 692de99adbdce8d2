import Base
import CommandKit
import DataKit
import GitKit
import ModelKit
import Serving

/// Opens the model that is to be served, and lets it answer before anybody else asks.
struct GenerationOpener {
    private let source: String?
    private let model: String?
    /// The full name of the ref that is followed.
    let reference: String?
    private let command: String?
    private let timeout: Double
    private let ui: UserInterface
    let data: DataRepository?

    /// Texts that every model must be able to answer.
    private static let warmUp = [
        "", "A text.", "Some more words, so that every layer has work to do: one, two, three!",
    ]
    /// Beside a model: texts with the answers they must get.
    private static let goldenName = "golden.jsonl"

    init(
        source: String?, model: String?, follow: String?, command: String?, timeout: Double, ui: UserInterface
    ) throws {
        let given = [source, follow, command].compactMap { $0 }
        guard given.count <= 1 else {
            throw MLError(.usage, "a revision, '--follow' and '--predictor' exclude each other")
        }
        self.source = source
        self.model = model
        self.command = command
        self.timeout = timeout
        self.ui = ui
        let data = try? DataRepository()
        self.data = data
        reference = try follow.map { try GenerationOpener.reference($0, data) }
    }

    /// The full id of the commit the followed ref points to now; nil when none is followed or it is gone.
    func target() -> String? {
        guard let reference, let data else { return nil }
        return (try? data.repository.commit(reference))?.id.hex
    }

    func open(number: Int) throws -> Generation {
        if let command {
            return try checked(
                Generation(
                    number: number, version: "program", model: "program",
                    predictor: CommandPredictor(command, timeout: timeout)), golden: nil, name: command)
        }
        var path = model
        var words = [reference ?? source].compactMap { $0 }
        // A path of the work tree that is no revision.
        if let source, path == nil, Files.exists(source), (try? data?.repository.commit(source)) == nil {
            (path, words) = (source, [])
        }
        guard let loaded = try ModelLoader.choose(words, path: path, data: data, progress: ui.progress).first else {
            throw MLError(.notFound, "there is no model to serve")
        }
        var generation = Generation(
            number: number, version: loaded.commit?.id.hex ?? "worktree",
            model: Files.lastComponent(of: loaded.path).split(separator: ".").first.map(String.init) ?? "model",
            predictor: loaded.predictor)
        let golden = try beside(loaded, GenerationOpener.goldenName)
        generation.reference = try reference(loaded, golden)
        return try checked(generation, golden: golden, name: loaded.name)
    }

    /// What predictions are compared with: what training wrote down, or else the golden answers.
    private func reference(_ loaded: ModelLoader.Loaded, _ golden: [UInt8]?) throws -> ReferenceDistribution? {
        if let bytes = try beside(loaded, ReferenceDistribution.fileName) {
            do { return try ReferenceDistribution(JSON(parsing: bytes)) } catch {
                ui.warning("there will be no drift: \((error as? MLError)?.message ?? "\(error)")")
            }
        }
        return try golden.map {
            try GoldenPredictions(parsing: $0, name: GenerationOpener.goldenName).distribution(loaded.predictor)
        }
    }

    /// A file beside the model, in the commit the model is from.
    private func beside(_ loaded: ModelLoader.Loaded, _ name: String) throws -> [UInt8]? {
        let folder = loaded.path.hasSuffix(".json") ? Files.parent(of: loaded.path) : loaded.path
        let place = folder.isEmpty || folder == "." ? name : folder + "/" + name
        guard let data, let commit = loaded.commit else {
            return Files.exists(place) ? try Files.read(place) : nil
        }
        guard try data.repository.entry(inTree: commit.tree, at: place) != nil else { return nil }
        let progress = ui.progress
        return try data.content(ofTree: commit.tree, path: place, revision: commit.id.hex) {
            try Downloader(data).require($0, progress: progress)
        }
    }

    private func checked(_ generation: Generation, golden: [UInt8]?, name: String) throws -> Generation {
        let rows = try generation.predictor.predict(GenerationOpener.warmUp)
        guard rows.allSatisfy({ $0.allSatisfy(\.isFinite) && $0.count == generation.predictor.labels.count }) else {
            throw MLError(.failed, "'\(name)' answers with numbers that are not finite")
        }
        if let golden {
            try GoldenPredictions(parsing: golden, name: GenerationOpener.goldenName).check(generation.predictor)
        }
        return generation
    }

    private static func reference(_ name: String, _ data: DataRepository?) throws -> String {
        guard let data else {
            throw MLError(.notARepository, "'--follow' needs a repository", hint: "go to one with 'cd' or -C DIR")
        }
        let found = [name, "refs/heads/" + name, "refs/remotes/" + name, "refs/tags/" + name].first {
            $0.hasPrefix("refs/") && data.repository.reference($0) != nil
        }
        guard let found else {
            throw MLError(
                .notFound, "there is no ref '\(name)' to follow", hint: "make it with 'git branch \(name)'")
        }
        return found
    }

    /// The beginning of a commit's id, for people.
    static func short(_ version: String) -> String {
        version.utf8.count == 40 ? "commit " + version.prefix(10) : version
    }
}
