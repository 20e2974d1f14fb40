/* report.c - see report.h.  The page stands alone: styles, plot and numbers are inside it. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "report.h"

static const char report_style[] =
    ":root{color-scheme:light dark;--ink:#1c2126;--paper:#fff;--line:#c9d1d9;--soft:#f2f5f8;--good:#00694d;"
    "--bad:#a63a00}\n"
    "@media(prefers-color-scheme:dark){:root{--ink:#e4e8ec;--paper:#14181c;--line:#3a444e;--soft:#1d242b;"
    "--good:#4fd1a5;--bad:#ff9d66}}\n"
    "body{font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);margin:0 auto;"
    "max-width:70rem;padding:1rem}\n"
    "h1{font-size:1.6rem}h2{font-size:1.2rem;margin-top:2rem}\n"
    ".wide{overflow-x:auto}table{border-collapse:collapse}\n"
    "th,td{padding:.25rem .7rem;border-bottom:1px solid var(--line);text-align:right;white-space:nowrap;"
    "font-variant-numeric:tabular-nums}\n"
    "th:first-child,td:first-child{text-align:left}\n"
    ".plot{background:#fff;border:1px solid var(--line);padding:.5rem}.plot svg{width:100%;height:auto;"
    "min-width:60rem;display:block}\n"
    ".good{color:var(--good)}.bad{color:var(--bad)}li{margin:.3rem 0}\n"
    "pre{background:var(--soft);padding:.7rem;overflow-x:auto}\n";

/* Text with the characters that HTML gives a meaning. */
static void escaped(FILE *f, const char *s)
{
    for (; *s; s++)
        if (*s == '&') fputs("&amp;", f);
        else if (*s == '<') fputs("&lt;", f);
        else if (*s == '>') fputs("&gt;", f);
        else fputc(*s, f);
}

static void table_found(FILE *f, const report *r)
{
    size_t k;
    fprintf(f, "<div class=\"wide\"><table><tr><th>parameter</th><th>median</th><th>5 %%</th><th>95 %%</th>"
            "<th>true</th>%s</tr>\n", r->other ? "<th>width over the other's</th>" : "");
    for (k = 0; k < r->dims; k++) {
        const double *q = r->quantile[k];
        fprintf(f, "<tr><td>%s</td><td>%.8g</td><td>%.8g</td><td>%.8g</td>", r->names[k], q[2], q[1], q[3]);
        if (r->truth[k] == r->truth[k]) fprintf(f, "<td>%.8g</td>", r->truth[k]);
        else fputs("<td>&ndash;</td>", f);
        if (r->other) fprintf(f, "<td>%.3f</td>", (q[3] - q[1]) / r->other_width[k]);
        fputs("</tr>\n", f);
    }
    fputs("</table></div>\n", f);
    if (r->other) {
        fputs("<p>The last column is the width of the 90&nbsp;% interval over that of <code>", f);
        escaped(f, r->other);
        fputs("</code>, the second posterior in the plot.</p>\n", f);
    }
}

static void verdict(FILE *f, int good, const char *text)
{ fprintf(f, "<li class=\"%s\">%s: %s</li>\n", good ? "good" : "bad", good ? "Trust" : "Doubt", text); }

static void verdicts(FILE *f, const report *r)
{
    char text[400];
    fputs("<h2>Can it be trusted?</h2><ul>\n", f);
    if (r->efficiency >= 0) {
        snprintf(text, sizeof text, "the weights by the exact likelihood are %.1f&nbsp;%% efficient; below "
                 "10&nbsp;%% the surrogate would not be right", 100*r->efficiency);
        verdict(f, r->efficiency >= 0.1, text);
        snprintf(text, sizeof text, "the largest weights have a Pareto shape of %.2f; above 0.7 few draws "
                 "would carry the result (harmless while the efficiency is near 100&nbsp;%%)", r->pareto);
        verdict(f, r->pareto < 0.7 || r->efficiency > 0.9, text);
    }
    snprintf(text, sizeof text, "the chain holds %.0f effective samples; below 500 the weights of sky images "
             "are rough", r->ess);
    verdict(f, r->ess >= 500, text);
    fputs("</ul>\n", f);
}

static void table_rounds(FILE *f, const report *r)
{
    size_t i;
    if (!r->rounds) return;
    fputs("<h2>Rounds</h2><div class=\"wide\"><table><tr><th>round</th><th>simulations</th><th>learned from</th>"
          "<th>components</th><th>temperature</th><th>error of ln L</th><th>divergence</th></tr>\n", f);
    for (i = 0; i < r->rounds; i++) {
        const snl_round *q = r->round + i;
        fprintf(f, "<tr><td>%lu</td><td>%.0f</td><td>%.0f</td><td>%.0f</td><td>%.3g</td>",
                (unsigned long)i + 1, q->calls, q->trained, q->components, 1/q->beta);
        if (q->error == q->error) fprintf(f, "<td>%.3f</td>", q->error);
        else fputs("<td>&ndash;</td>", f);
        if (q->divergence == q->divergence) fprintf(f, "<td>%.4f</td>", q->divergence);
        else fputs("<td>&ndash;</td>", f);
        fputs("</tr>\n", f);
    }
    fputs("</table></div><p>Error: rms over new simulations, before learning from them {nats}. Divergence: the "
          "largest of the marginals from the round before {nats}.</p>\n", f);
}

static void table_budget(FILE *f, const report *r)
{
    size_t k;
    if (!r->cost) return;
    fputs("<h2>Error budget</h2><p>Jensen-Shannon divergence of the marginals {mnat}: exact posterior from the exact "
          "one given the compressed data; that one from the surrogate. The refinement takes both out.</p>"
          "<div class=\"wide\"><table><tr><th>parameter</th><th>compression</th><th>network</th><th>both</th></tr>\n", f);
    for (k = 0; k < r->dims; k++)
        fprintf(f, "<tr><td>%s</td><td>%.4f</td><td>%.4f</td><td>%.4f</td></tr>\n", r->names[k],
                1000*r->cost[k][0], 1000*r->cost[k][1], 1000*r->cost[k][2]);
    fputs("</table></div>\n", f);
}

int report_write(const char *path, const report *r, io_error *e)
{
    out_file out = { 0 };
    char *svg = NULL, *at;
    size_t size;
    int rc = file_read(r->corner, &svg, &size, e);
    if (!rc) rc = out_open(&out, path, e);
    if (!rc) {
        FILE *f = out.file;
        fprintf(f, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
                "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
                "<title>snl: posterior</title><style>%s</style></head><body>\n<h1>", report_style);
        escaped(f, r->title);
        fputs("</h1>\n", f);
        table_found(f, r);
        verdicts(f, r);
        fputs("<h2>Posterior</h2><div class=\"plot wide\">\n", f);
        at = strstr(svg, "<svg");           /* without its XML declaration */
        fputs(at ? at : svg, f);
        fputs("</div>\n", f);
        table_budget(f, r);
        table_rounds(f, r);
        fputs("<h2>Numbers</h2><pre>", f);
        escaped(f, r->summary);
        fputs("</pre><h2>Configuration</h2><pre>", f);
        escaped(f, r->config);
        fputs("</pre><h2>Made by</h2><pre>", f);
        escaped(f, r->command);
        fputs("</pre>\n</body></html>\n", f);
        rc = out_close(&out, 1, e);
    }
    free(svg);
    return rc;
}
