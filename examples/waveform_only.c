/* waveform_only.c - IMRPhenomD and IMRPhenomHM, with nothing else of the library:
 *     cc examples/waveform_only.c waveform.c -lm
 * A binary of two million suns on its way through the band of LISA: when it passes a frequency,
 * with what amplitude and phase, and what Newton and the quadrupole formula say of the time.
 * Then its modes at one frequency: m = 1, 3 and 4 have been or will be there at other times.
 *
 * make test runs: ./build/waveform_only */
#include <stdio.h>
#include "../snl.h"

enum { NF = 6 };
static const double f[NF] = { 1e-4, 3e-4, 1e-3, 3e-3, 6e-3, 8e-3 };     /* Hz */

int main(void)
{
    const double m1 = 1.4e6, m2 = 0.6e6;        /* Msun, detector frame */
    const double mc = pow(m1*m2, 0.6)/pow(m1 + m2, 0.2) * SNL_MTSUN;    /* chirp mass {s} */
    double amp[NF], phase[NF], t[NF], y[2];
    snl_qnm *qnm = NULL;
    snl_phenom p;
    snl_fault why = { "", 0, 0, 0, 0 };
    snl_status st = snl_qnm_create(&qnm);
    if (st == SNL_OK)
        st = snl_phenom_prepare(&p, qnm, SNL_PHENOMHM, m1, m2, 0.6, 0.3, 50e3, NULL, &why);
    if (st == SNL_OK) st = snl_phenom_mode(&p, 2, 2, NF, f, amp, phase, t);
    if (st == SNL_OK) {
        printf("peak at %.4f Hz, ringdown at %.4f Hz, final spin %.4f\n", p.f_peak/p.M_sec,
               p.f_ring/p.M_sec, p.final_spin);
        printf("# f_Hz\tamplitude\tphase_rad\tt_s\tt_newton_s\n");
        for (int i = 0; i < NF; i++)
            printf("%g\t%.6g\t%.4f\t%.1f\t%.1f\n", f[i], amp[i], phase[i], t[i],
                   -5.0/256*mc*pow(SNL_PI*mc*f[i], -8.0/3));
        printf("# l\tm\tamplitude\tt_s\t|Y|_at_60_degrees\n");
    }
    for (int i = 0; st == SNL_OK && i < p.modes; i++) {
        const int l = p.mode[i].l, m = p.mode[i].m;
        st = snl_phenom_mode(&p, l, m, 1, &f[2], amp, NULL, t);
        snl_ylm(l, m, SNL_PI/3, 0, y);
        if (st == SNL_OK)
            printf("%d\t%d\t%.6g\t%.1f\t%.4f\n", l, m, amp[0], t[0], hypot(y[0], y[1]));
    }
    if (st != SNL_OK) fprintf(stderr, "%s: %s\n", why.name, snl_status_text(st));
    snl_qnm_free(qnm);
    return st != SNL_OK;
}
