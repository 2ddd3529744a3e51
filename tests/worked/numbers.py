"""Numbers worked out by hand; nothing here is computed by the program that they are to check.

Each entry is (value, unit). The comment above it is its derivation. One byte is 8 bits; k, M, G are powers
of 1000; FLOP = 2 x multiply-accumulate.
"""

NUMBERS = {
    # A 540 x 360 frame through a layer of kernel 11, stride 4, padding 2 ---------------------------------
    # (540 + 2*2 - 11) / 4 = 533 / 4 = 133.25, rounded down 133, plus 1
    "alexnet_conv1_width_of_540": (134, "value"),
    # (360 + 2*2 - 11) / 4 = 353 / 4 = 88.25, rounded down 88, plus 1
    "alexnet_conv1_height_of_360": (89, "value"),
    # 134 * 89 = 134 * 90 - 134 = 12,060 - 134, at one byte a value
    "alexnet_conv1_channel_of_540x360": (11_926, "byte"),
    # 11,926 * 8 * 1: the paper's 95 kb/s for key frames
    "alexnet_conv1_channel_at_1_hz": (95_408, "bit/s"),
    # 95,408 * 24: the paper's 2,300 kb/s
    "alexnet_conv1_channel_at_24_hz": (2_289_792, "bit/s"),
    # 64 channels * 11,926 values * 2 * (11 * 11 * 3) = 763,264 * 726
    "alexnet_conv1_flop_of_540x360": (554_129_664, "FLOP"),
    # AlexNet on a 3 x 224 x 224 image, one byte a value --------------------------------------------------
    # 3 * 224 * 224 = 3 * 50,176
    "alexnet_input": (150_528, "byte"),
    # (224 + 4 - 11) / 4 = 54.25, so 55 x 55; 64 channels * 3,025 * 2 * (11 * 11 * 3) = 193,600 * 726
    "alexnet_conv1_flop": (140_553_600, "FLOP"),
    # pooling of kernel 3, stride 2: (55 - 3) / 2 + 1 = 27; 64 * 27 * 27 = 64 * 729
    "alexnet_conv1_output": (46_656, "byte"),
    # 46,656 / 150,528, both divided by 192 (243 / 784)
    "alexnet_conv1_ratio": (243 / 784, "1"),
    # 140,553,600 / 150,528 = 193,600 * 726 / 150,528 = 45,753.125 / 49 (both divided by 3,072)
    "alexnet_conv1_flop_per_byte": (45_753.125 / 49, "FLOP/byte"),
    # 150,528 byte * flop_per_byte * 24 Hz = 140,553,600 * 24
    "alexnet_conv1_compute_at_24_hz": (3_373_286_400, "FLOP/s"),
    # 290e9 / 3,373,286,400 = 85.97: so many whole ones on a server of 290 GFLOP/s
    "alexnet_conv1_at_24_hz_on_290_gflop_per_s": (85, "task"),
    # the first fully connected layer: 256 * 6 * 6 = 9,216 inputs, 4,096 outputs: 2 * 9,216 * 4,096
    "alexnet_fc6_flop": (75_497_472, "FLOP"),
    # What a cut takes: d = 550 kB, r = 0.2, Q = 0.2 s ----------------------------------------------------
    # 8 * 550e3 * 0.2 = 880,000 bit a frame; / 0.2 s, or * max(5, 5) at f = 5 Hz
    "bandwidth_at_5_hz_sustained": (4.4e6, "bit/s"),
    "bandwidth_at_5_hz_deadline": (4.4e6, "bit/s"),
    # 880,000 bit / 4.4e6 bit/s: the deadline, exactly
    "frame_at_4_4_mbit_per_s": (0.2, "s"),
    # f = 10 Hz: 880,000 * max(5, 10); the printed rule still says 880,000 / 0.2
    "bandwidth_at_10_hz_sustained": (8.8e6, "bit/s"),
    "bandwidth_at_10_hz_deadline": (4.4e6, "bit/s"),
    # 880,000 bit / 8.8e6 bit/s: the time between two frames
    "frame_at_8_8_mbit_per_s": (0.1, "s"),
    # f = 1 Hz: 880,000 * max(5, 1): a slow camera reserves for the deadline all the same
    "bandwidth_at_1_hz_sustained": (4.4e6, "bit/s"),
    # margin h = 0.25: 1.25 * 4.4e6; a frame takes 880,000 / 5.5e6 = 0.16 s
    "bandwidth_at_5_hz_with_margin_0_25": (5.5e6, "bit/s"),
    "frame_at_5_5_mbit_per_s": (0.16, "s"),
    # cut 0 sends the input: 8 * 550e3 / 0.2
    "bandwidth_of_cut_0_at_5_hz": (22e6, "bit/s"),
    # so many 4.4 Mbit/s on an uplink of 100 Mbit/s of which V = 0.8 may be used: 80 / 4.4 = 18.18
    "tasks_of_4_4_mbit_per_s_in_80": (18, "task"),
    # compute at l = 1,000 FLOP/byte: 550e3 * 1,000 * 5, and at 10 Hz twice that; no deadline, no margin
    "compute_at_5_hz": (2.75e9, "FLOP/s"),
    "compute_at_10_hz": (5.5e9, "FLOP/s"),
    # so many 2.75 GFLOP/s on 290 GFLOP/s: 105.45
    "tasks_of_2_75_gflop_per_s_in_290": (105, "task"),
    # a frame alone on that server: 550e3 * 1,000 / 290e9 = 0.55 / 290
    "edge_time_of_a_frame": (0.55 / 290, "s"),
    # The two passes: d = 100 kB at server 0 (free 8 Mbit/s, 1 GFLOP/s), 200 kB at server 1 (12, 4) ---------
    # B = min(8e6 / 1e5, 12e6 / 2e5) = min(80, 60); C = min(1e9 / 1e5, 4e9 / 2e5) = min(10,000, 20,000)
    "bottleneck_bandwidth_star": (60.0, "bit/s per byte"),
    "bottleneck_compute_star": (10_000.0, "FLOP/s per byte"),
    # at Q = 0.2 s, f = 5 Hz: rho = 8 * r * 5 = 40 r, so r <= 1.5; gamma = 5 l, so l <= 2,000
    "largest_ratio_that_fits": (1.5, "1"),
    "largest_flop_per_byte_that_fits": (2_000.0, "FLOP/byte"),
    # r = 0.75, l = 800: shares 30 / 60 = 0.5 and 4,000 / 10,000 = 0.4, so bandwidth is the bottleneck
    "bottleneck_share": (0.5, "1"),
    # both behind one link with 15 Mbit/s free: D = 300 kB, B = 15e6 / 3e5
    "bottleneck_bandwidth_shared_link": (50.0, "bit/s per byte"),
    # Threshold, Bmin = 1 Mbit/s, Bmax = e^2 Mbit/s = 7.389056 Mbit/s ---------------------------------------
    # Phi(0) = e * e^2 = e^3; Phi(1/3) = e^3 * (e^-3)^(1/3) = e^2; Phi(2/3) = e; Phi(1) = 1 = Bmin
    "phi_at_0": (20.085536923187668e6, "bit/s"),
    "phi_at_1_3": (7.38905609893065e6, "bit/s"),
    "phi_at_2_3": (2.718281828459045e6, "bit/s"),
    "phi_at_1": (1e6, "bit/s"),
    # ln(Bmax / Bmin) + 1 = 2 + 1
    "threshold_ratio": (3.0, "1"),
    # One task alone: d = 100 kB, c = 1 GFLOP/s, V b = 8 Mbit/s, cloud 10 GFLOP/s ---------------------------
    # layers 1..2: l = 1,000 and 5,000 FLOP/byte, r = 0.5 and 0.25
    # cut 1: 1e8 FLOP / 1e9 + 4e5 bit / 8e6 + 4e8 FLOP / 1e10 = 0.1 + 0.05 + 0.04
    "latency_of_cut_1": (0.19, "s"),
    # cut 2: 5e8 / 1e9 + 2e5 / 8e6 + 0 = 0.5 + 0.025
    "latency_of_cut_2": (0.525, "s"),
    # cut 0: 0 + 8e5 / 8e6 + 5e8 / 1e10 = 0.1 + 0.05
    "latency_of_cut_0": (0.15, "s"),
    # Certificate: one server, two equal tasks, each needing 0.6 of the link and 0.25 of the compute --------
    # prices x = 1, y = 0: 1 + 0 + 2 * max(0, 1 - 0.6) = 1.8: nobody deploys both
    "bound_at_link_price_1": (1.8, "task"),
    # prices x = 0.5, y = 0.4: cost 0.3 + 0.1 = 0.4; 0.9 + 2 * 0.6 = 2.1: true too, and says nothing
    "bound_at_prices_0_5_and_0_4": (2.1, "task"),
    # prices x = 1 / 0.6, y = 0: cost 1; 5/3 + 0: the best, since fractions of tasks fill the link at 1 / 0.6
    "bound_at_the_best_prices": (5 / 3, "task"),
}
