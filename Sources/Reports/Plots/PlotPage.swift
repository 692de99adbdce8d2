import Base

/// Plots and images as one HTML file that needs no network.
public enum PlotPage {
    /// A picture of one revision.
    public struct Image: Sendable {
        public var path: String
        public var revision: String
        public var bytes: [UInt8]

        public init(path: String, revision: String, bytes: [UInt8]) {
            self.path = path
            self.revision = revision
            self.bytes = bytes
        }

        /// The type by the file's name; nil for what a browser does not show.
        public static func mediaType(_ path: String) -> String? {
            let lower = path.lowercased()
            for (ending, type) in [
                (".png", "image/png"), (".jpg", "image/jpeg"), (".jpeg", "image/jpeg"), (".gif", "image/gif"),
                (".svg", "image/svg+xml"), (".webp", "image/webp"), (".bmp", "image/bmp"),
            ] where lower.hasSuffix(ending) { return type }
            return nil
        }
    }

    public static func html(title: String, figures: [PlotFigure], images: [Image]) -> String {
        let body = parts(figures, images)
        return page(title, body.isEmpty ? "<p>There is nothing to plot.</p>\n" : body)
    }

    /// The same in a page of the user's, which says `{plot_divs}` where the plots go, as DVC's templates do. What DVC puts
    /// in place of `{scripts}` and `{refresh_tag}` is not needed.
    ///
    /// - Throws: `MLError(.invalidInput)` for a page that has no place for them.
    public static func html(template: String, figures: [PlotFigure], images: [Image]) throws -> String {
        guard template.contains("{plot_divs}") else {
            throw MLError(
                .invalidInput, "the page template has no place for the plots", hint: "write '{plot_divs}' where they go"
            )
        }
        var page = ""
        var rest = Substring(template)
        let values = ["plot_divs": parts(figures, images), "scripts": "", "refresh_tag": ""]
        while let open = rest.firstIndex(of: "{") {
            page += rest[..<open]
            rest = rest[open...]
            let name = String(rest.dropFirst().prefix { $0.isLetter || $0 == "_" })
            if let value = values[name], rest.dropFirst(name.count + 1).first == "}" {
                page += value
                rest = rest.dropFirst(name.count + 2)
            } else {
                page += "{"
                rest = rest.dropFirst()
            }
        }
        return page + rest
    }

    private static func parts(_ figures: [PlotFigure], _ images: [Image]) -> String {
        var body = figures.map { "<figure>\(PlotSVG.draw($0))</figure>\n" }.joined()
        var paths: [String] = []
        for image in images where !paths.contains(image.path) { paths.append(image.path) }
        for path in paths {
            body += "<h2>\(PlotSVG.escape(path))</h2>\n"
            for image in images where image.path == path {
                let type = Image.mediaType(path) ?? "application/octet-stream"
                body += """
                    <figure><img alt="\(PlotSVG.escape("\(path) of \(image.revision)"))" \
                    src="data:\(type);base64,\(Base64.encode(image.bytes))"><figcaption>\(PlotSVG.escape(image.revision))</figcaption></figure>

                    """
            }
        }
        return body
    }

    private static func page(_ title: String, _ body: String) -> String {
        """
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
        <title>\(PlotSVG.escape(title))</title>
        <style>
        :root { color-scheme: light dark; }
        body { font-family: sans-serif; margin: 1.5rem; }
        figure { display: inline-block; margin: 0 1.5rem 1.5rem 0; vertical-align: top; }
        figure svg, figure img { max-width: 100%; height: auto; }
        figcaption { text-align: center; font-size: 0.8rem; }
        </style>
        </head>
        <body>
        <h1>\(PlotSVG.escape(title))</h1>
        \(body)</body>
        </html>

        """
    }
}
