"""What a course is: its assignments, their manifests, submissions, kits, bundles and secrets."""
