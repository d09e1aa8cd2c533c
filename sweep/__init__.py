"""Many trainings on one machine or many, by Ray Tune, and the best of their files. Needs Ray and Keras."""
