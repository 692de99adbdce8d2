import ArgumentParser
import Base
import CommandKit
import GitKit
import Pipelines
import Records
import Reports
import RunKit

struct PlotsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plots", abstract: "Draw plots of revisions: HTML without a network, SVG, Vega-Lite.",
        discussion: """
            What stages mark as plots and the top-level 'plots' define is drawn; images are shown side by side.

            Examples:
              git mlrun plots show
              git mlrun plots diff HEAD~1 main -o report
              git mlrun plots diff --targets dvclive/plots/metrics/loss.tsv -x step --template smooth
            """, subcommands: [PlotsShow.self, PlotsDiff.self, PlotsTemplates.self])
}

struct PlotsOptions: ParsableArguments {
    @Option(parsing: .upToNextOption, help: ArgumentHelp("Only these plots or files.", valueName: "file"))
    var targets: [String] = []
    @Option(
        name: [.customShort("o"), .customLong("out")],
        help: ArgumentHelp("Where to write (default: dvc_plots).", valueName: "dir"))
    var out = "dvc_plots"
    @Option(name: .shortAndLong, help: ArgumentHelp("How to draw: 'plots templates' lists them.", valueName: "name"))
    var template: String?
    @Option(name: .customShort("x"), help: ArgumentHelp("The column for the x axis.", valueName: "column")) var x:
        String?
    @Option(name: .customShort("y"), help: ArgumentHelp("The column for the y axis.", valueName: "column")) var y:
        String?
    @Option(help: ArgumentHelp("Label of the x axis.", valueName: "text")) var xLabel: String?
    @Option(help: ArgumentHelp("Label of the y axis.", valueName: "text")) var yLabel: String?
    @Option(help: ArgumentHelp("Title.", valueName: "text")) var title: String?
    @Flag(help: "The first line of CSV and TSV files holds no titles.") var noHeader = false
    @Flag(help: "Write an SVG file for each plot too.") var svg = false
    @Option(
        help: ArgumentHelp(
            "A page of yours that says {plot_divs} where the plots go, as in DVC.", valueName: "file"))
    var htmlTemplate: String?
    @Flag(help: "Show the page in the browser.") var open = false
    @Flag(help: "Print the Vega-Lite specification of the one plot.") var showVega = false
    @Flag(help: "Print JSON in DVC's shape, with Vega-Lite specifications.") var json = false
    @OptionGroup var common: CommonOptions

    func change(_ source: inout PlotSource) {
        if let template { source.template = template }
        if let title { source.title = title }
        if let xLabel { source.xLabel = xLabel }
        if let yLabel { source.yLabel = yLabel }
        if noHeader { source.hasHeader = false }
        for index in source.columns.indices {
            if let x { (source.columns[index].xField, source.columns[index].xFile) = (x, nil) }
            if let y { source.columns[index].field = y }
        }
        if y != nil { source.columns = Array(source.columns.prefix(1)) }
    }

    func run(_ names: [String], isDiff: Bool) throws {
        let session = try RunSession(common)
        var targets = try targets.map { try session.repository.repositoryPath($0) }
        var revisions: [String] = []
        for name in names {
            let isRevision = (try? session.repository.commit(name)) != nil
            if !isDiff, !isRevision, let path = try? session.repository.repositoryPath(name) {
                targets.append(path)
            } else {
                _ = try session.repository.commit(name)
                revisions.append(name)
            }
        }
        let hasWorkTree = isDiff ? revisions.count < 2 : revisions.isEmpty
        if isDiff && revisions.isEmpty { revisions = ["HEAD"] }
        var sides: [PlotReader.Side] = hasWorkTree ? [try PlotsOptions.workTree(session)] : []
        for revision in revisions { sides.append(try PlotsOptions.side(revision, session)) }
        let reader = PlotReader()
        let figures = try reader.figures(sides, targets: targets, change: change)
        for problem in reader.problems { session.ui.warning("\(problem.revision): \(problem.error.message)") }
        for target in targets
        where !figures.contains(where: { $0.title == target }) && figures.isEmpty && reader.images.isEmpty {
            throw MLError(.notFound, "there is nothing to plot in '\(target)'")
        }
        if showVega {
            // A file may stand in several plots; the one that has its name is meant.
            let named = figures.filter { targets.contains($0.title) }
            guard let figure = figures.count == 1 ? figures[0] : named.count == 1 ? named[0] : nil else {
                throw MLError(
                    .usage, "--show-vega prints one plot, and there are \(figures.count)",
                    hint: "name one with --targets")
            }
            return session.ui.write(VegaLite.specification(figure).pretty())
        }
        if json { return session.ui.write(document(figures, reader).compact() + "\n") }
        try write(figures, reader, session)
    }

    static func workTree(_ session: RunSession) throws -> PlotReader.Side {
        let content = try session.runs.workTreeContent(session.runs.statCache())
        return PlotReader.Side(
            name: "workspace", content: content, sources: PlotSource.all(of: try session.runs.project(content)),
            list: { path in try content.entries(of: path)?.map { path + "/" + $0.path } })
    }

    static func side(_ revision: String, _ session: RunSession) throws -> PlotReader.Side {
        let commit = try session.repository.commit(revision)
        let content = session.runs.content(of: commit, fetch: session.fetch)
        let project = try session.runs.project(of: commit, content)
        let repository = session.repository
        return PlotReader.Side(
            name: revision, content: content, sources: project.map(PlotSource.all) ?? [],
            list: { path in
                guard try repository.entry(inTree: commit.tree, at: path)?.mode == 0o040000 else { return nil }
                return try repository.files(inTree: commit.tree, under: path).map(\.path)
            })
    }

    /// `{data: {id: [{type, revisions, content}]}}`, images with the bytes as a `data:` address.
    private func document(_ figures: [PlotFigure], _ reader: PlotReader) -> JSON {
        var data = JSONObject()
        for figure in figures {
            var revisions: [String] = []
            for series in figure.series where !revisions.contains(series.revision) { revisions.append(series.revision) }
            let item: JSON = [
                "type": "vega", "revisions": JSON(revisions), "content": VegaLite.specification(figure),
            ]
            data[figure.title] = .array((data[figure.title]?.arrayValue ?? []) + [item])
        }
        for image in reader.images {
            let type = PlotPage.Image.mediaType(image.path) ?? ""
            let item: JSON = [
                "type": "image", "revisions": [.string(image.revision)],
                "url": .string("data:\(type);base64,\(Base64.encode(image.bytes))"),
            ]
            data[image.path] = .array((data[image.path]?.arrayValue ?? []) + [item])
        }
        let errors = reader.problems.map { problem -> JSON in
            [
                "name": .string(problem.source), "rev": .string(problem.revision),
                "msg": .string(problem.error.message),
            ]
        }
        return .object(errors.isEmpty ? ["data": .object(data)] : ["errors": .array(errors), "data": .object(data)])
    }

    private func write(_ figures: [PlotFigure], _ reader: PlotReader, _ session: RunSession) throws {
        try Files.makeDirectories(out)
        let page =
            try htmlTemplate.map {
                try PlotPage.html(template: Files.readText($0), figures: figures, images: reader.images)
            } ?? PlotPage.html(title: "Plots", figures: figures, images: reader.images)
        try Files.writeAtomically(page, to: Files.join(out, "index.html"))
        if svg {
            var taken: Set<String> = []
            for figure in figures {
                var name = String(figure.title.map { $0.isLetter || $0.isNumber || "-_.".contains($0) ? $0 : "_" })
                while !taken.insert(name).inserted { name += "_" }
                try Files.writeAtomically(PlotSVG.draw(figure), to: Files.join(out, name + ".svg"))
            }
        }
        let path = try Files.realPath(Files.join(out, "index.html"))
        session.ui.print("file://" + path)
        if open { show(path, session.ui) }
    }

    /// By the user's own program for it, else the system's.
    private func show(_ path: String, _ ui: UserInterface) {
        let own = environment("BROWSER").map { $0.split(separator: ":").map(String.init) } ?? []
        for program in own + ["xdg-open", "open", "sensible-browser"] {
            if let answer = try? Subprocess([program, "file://" + path]).run(), answer.status == 0 { return }
        }
        ui.warning("no browser could be started; open file://\(path)")
    }
}

struct PlotsShow: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Draw the plots of the work tree, or of revisions.")
    @Argument(help: ArgumentHelp("Revisions, or files.", valueName: "rev|file")) var names: [String] = []
    @OptionGroup var options: PlotsOptions
    func run() throws { try options.run(names, isDiff: false) }
}

struct PlotsDiff: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "diff", abstract: "Draw the plots of several revisions over each other.",
        discussion: "Without revisions: HEAD and the work tree. With one: that and the work tree.")
    @Argument(help: ArgumentHelp("Revisions.", valueName: "rev")) var revisions: [String] = []
    @OptionGroup var options: PlotsOptions
    func run() throws { try options.run(revisions, isDiff: true) }
}

struct PlotsTemplates: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "templates", abstract: "List the ways to draw.")
    @OptionGroup var common: CommonOptions
    func run() throws {
        let ui = try UserInterface(common)
        for kind in PlotFigure.Kind.allCases { ui.print(kind.rawValue) }
    }
}
