import Base
import CommandKit
import Reports
import Serving

/// A summary of a server for a terminal and for notes.
enum MonitorView {
    static func text(_ summary: ServiceSummary, _ history: MonitorHistory, isDown: Bool, _ ui: UserInterface) -> String
    {
        var out = "\(summary.model) on \(summary.url)\n"
        out += "\(GenerationOpener.short(summary.version)), generation \(summary.number)"
        out += summary.replicas.map { ", " + Quantity.count($0, "replica") } ?? ""
        out += ", \(summary.time)\n"
        if isDown { out += "The server does not answer; these are its last numbers.\n" }
        let rate = summary.perSecond.map { Quantity.fixed($0, decimals: 1) } ?? "-"
        var rows: [[Table.Cell]] = [
            [
                Table.Cell(rate), Table.Cell(Quantity.grouped(summary.requests)),
                Table.Cell(spell(summary.latency.p50)),
                Table.Cell(spell(summary.latency.p95)), Table.Cell(spell(summary.latency.p99)),
                Table.Cell(Quantity.percentage(summary.failed)), Table.Cell(Quantity.percentage(summary.refused)),
                Table.Cell(String(summary.inFlight)), Table.Cell(String(summary.queue)),
                Table.Cell(summary.meanBatch.map { Quantity.fixed($0, decimals: 1) } ?? "-"),
            ]
        ]
        let titles = ["Requests/s", "Requests", "p50", "p95", "p99", "5xx", "4xx", "In flight", "Queue", "Batch"]
        out += "\n" + table(titles.map { .init($0, .right) }, rows, ui)
        let course = history.course.map(\.perSecond)
        if course.count > 1, ui.terminal.width != nil {
            out +=
                "\n" + TerminalChart(title: "Requests/s", values: course).terminal(width: ui.terminal.width, height: 6)
        }
        for generation in summary.generations {
            let title =
                GenerationOpener.short(generation.version) + (generation.isCurrent ? "" : " (not the current one)")
            out += "\n\(title): \(Quantity.count(generation.predictions, "prediction"))\n"
            rows = generation.classes.map { label, share, training in
                [
                    Table.Cell(label), Table.Cell(Quantity.percentage(share)),
                    Table.Cell(training.map { Quantity.percentage($0) } ?? "-"),
                    Table.Cell(String(repeating: "█", count: Int((share * 30).rounded()))),
                ]
            }
            if !rows.isEmpty {
                out += table([.init("Class"), .init("Now", .right), .init("Training", .right), .init("")], rows, ui)
            }
            if generation.drift.isEmpty { continue }
            rows = generation.drift.map { name, shift in
                let word = shift.stability > 0.25 ? "large" : shift.stability > 0.1 ? "some" : "none"
                let style: Style = shift.stability > 0.25 ? .bold : .plain
                return [
                    Table.Cell(name.replacing("_", with: " ")),
                    Table.Cell(Quantity.fixed(shift.stability, decimals: 3), style: style),
                    Table.Cell(Quantity.fixed(shift.jensenShannon, decimals: 3)), Table.Cell(word, style: style),
                ]
            }
            out += table([.init("Drift"), .init("PSI", .right), .init("Jensen-Shannon", .right), .init("")], rows, ui)
        }
        if summary.logErrors > 0 {
            out += "\n\(Quantity.count(summary.logErrors, "log line")) could not be written.\n"
        }
        return out
    }

    private static func table(_ columns: [Table.Column], _ rows: [[Table.Cell]], _ ui: UserInterface) -> String {
        Table(columns: columns, rows: rows).terminal(width: ui.terminal.width, colour: ui.terminal.colors)
    }

    private static func spell(_ seconds: Double?) -> String {
        guard let seconds else { return "-" }
        return seconds < 0.1 ? Quantity.fixed(seconds * 1000, decimals: 2) + " ms" : Quantity.duration(seconds)
    }

    /// What is recorded of a generation.
    static func metrics(
        _ summary: ServiceSummary, _ generation: ServiceSummary.Generation
    ) -> [(name: String, value: JSON)] {
        var out: [(name: String, value: JSON)] = [("serving.predictions", JSON(generation.predictions))]
        for (label, share, _) in generation.classes { out.append(("serving.classes.\(label)", JSON(share))) }
        for (name, shift) in generation.drift {
            out.append(("serving.drift.\(name).psi", JSON(shift.stability)))
            out.append(("serving.drift.\(name).jensen_shannon", JSON(shift.jensenShannon)))
        }
        // Requests are not counted by version: they are the current one's.
        guard generation.isCurrent else { return out }
        out.append(("serving.requests", JSON(summary.requests)))
        out.append(("serving.failed", JSON(summary.failed)))
        for (name, value) in [
            ("p50", summary.latency.p50), ("p95", summary.latency.p95), ("p99", summary.latency.p99),
        ] {
            if let value { out.append(("serving.latency.\(name)", JSON(value))) }
        }
        if let rate = summary.perSecond { out.append(("serving.per_second", JSON(rate))) }
        return out
    }
}
